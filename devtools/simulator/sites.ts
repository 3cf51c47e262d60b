import type { SubjectType } from '../../lib/identity.ts'

/** A site on which the app is installed. */
export interface Site {
  name: string
  /** Where it is published. */
  url: string
  /** The app's installation. */
  instanceId: string
  siteId: string
  ownerId: string
  accountId: string
  /** The installation on the site that this one was copied from. */
  originInstanceId: string | null
}

/** Who looks at one of the app's pages, or causes an event. */
export interface Person {
  name: string
  subjectType: SubjectType
  /** The owner is another one on each site. */
  id: (site: Site) => string
}

/** The ids belong to nobody at Wix. They never change, so that what an app has stored about a site stays right. */
export const SITES: Readonly<Record<string, Site>> = {
  bakery: {
    name: 'Bluebird Bakery',
    url: 'https://bluebird-bakery.example',
    instanceId: 'b1a3c0de-1f6e-4d2a-9a70-3c5e7f901b01',
    siteId: 'b1a3c0de-5d21-4b8f-8c11-7e90a2b4c601',
    ownerId: '0a11e001-6b3d-4f7c-a2e9-5d8c1b4f7a01',
    accountId: 'acc00001-2e4f-4a6b-9c8d-1f3e5a7b9c01',
    originInstanceId: null,
  },
  yoga: {
    name: 'Harbour Yoga',
    url: 'https://harbour-yoga.example',
    instanceId: 'b1a3c0de-1f6e-4d2a-9a70-3c5e7f901b02',
    siteId: 'b1a3c0de-5d21-4b8f-8c11-7e90a2b4c602',
    ownerId: '0a11e001-6b3d-4f7c-a2e9-5d8c1b4f7a02',
    accountId: 'acc00001-2e4f-4a6b-9c8d-1f3e5a7b9c02',
    originInstanceId: null,
  },
  copy: {
    name: 'Copy of Bluebird Bakery',
    url: 'https://copy-of-bluebird-bakery.example',
    instanceId: 'b1a3c0de-1f6e-4d2a-9a70-3c5e7f901b03',
    siteId: 'b1a3c0de-5d21-4b8f-8c11-7e90a2b4c603',
    ownerId: '0a11e001-6b3d-4f7c-a2e9-5d8c1b4f7a01',
    accountId: 'acc00001-2e4f-4a6b-9c8d-1f3e5a7b9c01',
    originInstanceId: 'b1a3c0de-1f6e-4d2a-9a70-3c5e7f901b01',
  },
}

/** A member of each site. */
export const MEMBER: Person = {
  name: 'Member',
  subjectType: 'MEMBER',
  id: () => 'e3be0001-4c7a-4d9e-b1f2-8a6c3e5d7f01',
}

export const PEOPLE: Readonly<Record<string, Person>> = {
  owner: { name: 'Owner', subjectType: 'USER', id: ({ ownerId }) => ownerId },
  collaborator: { name: 'Collaborator', subjectType: 'USER', id: () => '0a11e001-6b3d-4f7c-a2e9-5d8c1b4f7a03' },
  member: MEMBER,
  visitor: { name: 'Visitor', subjectType: 'VISITOR', id: () => 'a1d00001-9f2c-4e8b-8d3a-6b5c4f1e2d01' },
}

export const LANGUAGES: Readonly<Record<string, string>> = {
  en: 'English',
  de: 'German',
  es: 'Spanish',
  fr: 'French',
  he: 'Hebrew',
  ja: 'Japanese',
}

/** What is wrong with a credential. */
export const FLAWS = {
  genuine: 'Genuine',
  expired: 'Expired',
  forged: 'Forged',
  'other-app': 'Of another app',
  'wrong-clock': 'Clock a day ahead',
} as const

export type Flaw = keyof typeof FLAWS

/** What is chosen in the dashboard. */
export interface Selection {
  site: Site
  person: Person
  /** The `vendorProductId`; null for the free plan. */
  plan: string | null
  language: string
  flaw: Flaw
}

/** What may be chosen: what the simulator brings, and what a developer has added. */
export interface Cast {
  sites: Readonly<Record<string, Site>>
  people: Readonly<Record<string, Person>>
  plans: readonly string[]
}

/** The names of a choice, with the defaults of everything that is not named. */
export interface Choice {
  site?: string
  person?: string
  plan?: string | null
  language?: string
  flaw?: Flaw
}

/** An own property only: these names come from elsewhere. */
const chosen = <Value>(from: Readonly<Record<string, Value>>, name: unknown): Value | undefined =>
  typeof name === 'string' && Object.hasOwn(from, name) ? from[name] : undefined

/** Reads names; undefined where one of them is not on offer. */
export function selectionOf(choice: Readonly<Record<keyof Choice, unknown>>, cast: Cast): Selection | undefined {
  const site = chosen(cast.sites, choice.site)
  const person = chosen(cast.people, choice.person)
  const plan = choice.plan === null ? null : cast.plans.find((name) => name === choice.plan)
  const language = Object.keys(LANGUAGES).find((name) => name === choice.language)
  const flaw = (Object.keys(FLAWS) as Flaw[]).find((name) => name === choice.flaw)
  if (!site || !person || plan === undefined || !language || !flaw) return undefined
  return { site, person, plan, language, flaw }
}
