import { signInstance } from 'passport-wix-app/testing'

/** A link that signs somebody in, as Wix would make it. */
export interface DemoLink {
  who: string
  about: string
  path: string
}

const OWNER = '3f0c1f6e-52a4-4d0b-9c55-7e2f4be1a8d1'
const COLLABORATOR = '9b7d8c12-0e4f-4b6a-8f3d-5a1c6e9d2b70'

const SITE = {
  instanceId: 'c4a1f2b8-6d3e-4f59-a7c0-1e8b5d92f364',
  appDefId: '5e2d9a41-8c7b-4e06-b1f8-d03a6c94e725',
  metaSiteId: '71b8e0d3-2f6a-4c95-8e14-b9d5a07c3f28',
  siteOwnerId: OWNER,
  vendorProductId: 'Premium',
}

/** Signs links for a site that does not exist. Each is good for four hours, as long as Wix's own. */
export function demoLinks(secret: string): DemoLink[] {
  const link = (payload: Parameters<typeof signInstance>[0]): string =>
    `/dashboard?instance=${signInstance({ ...SITE, ...payload }, secret)}`
  const expirationDate = new Date(Date.now() + 4 * 3600_000).toISOString()

  return [
    {
      who: 'Owner',
      about: 'The person whose site it is. Sees the dashboard.',
      path: link({ uid: OWNER, permissions: 'OWNER', expirationDate }),
    },
    {
      who: 'Collaborator',
      about: 'Invited by the owner to help with the site. Sees the dashboard, too.',
      path: link({ uid: COLLABORATOR, permissions: 'OWNER', expirationDate }),
    },
    {
      who: 'Visitor',
      about: 'Anybody who browses the site. Is kept out of the dashboard, and told why.',
      path: link({ aid: 'e60a7d95-4b21-4c8f-93de-2f5b08c71a46' }),
    },
  ]
}
