import type { WixIdentity } from 'passport-wix-app'
import type { Account, SavedEvent, User } from '../database.ts'
import { type Role, roleOf } from '../role.ts'
import { eventList } from './events.ts'
import { html, type Html } from './html.ts'
import { layout } from './layout.ts'
import { duration, timeAgo } from './time.ts'

export interface Dashboard {
  identity: WixIdentity
  /** Seconds after its signature for which an instance is valid. */
  maxAge: number
  account: Account
  users: readonly User[]
  events: readonly SavedEvent[]
}

/** Seconds until the instance expires, or reaches its maximum age. */
const secondsLeft = ({ iat, exp }: WixIdentity, maxAge: number): number =>
  Math.max(0, Math.min(exp ?? Infinity, (iat ?? 0) + maxAge) - Date.now() / 1000)

const NOTES: Record<Role, string> = {
  Owner: 'The site is yours',
  Collaborator: 'Invited by the owner',
  User: 'Of this site',
}

const stat = (name: string, value: string | number, note: string): Html =>
  html` <div class="card stat">
    <dt>${name}</dt>
    <dd class="value">${value}</dd>
    <dd class="note">${note}</dd>
  </div>`

const fact = (name: string, value: string | Html | null): Html | null =>
  value === null
    ? null
    : html`<div>
        <dt>${name}</dt>
        <dd>${value}</dd>
      </div>`

const person = (one: User, { site, user }: Account): Html => {
  const role = roleOf({ site, user: one })
  return html` <li>
    <span class="avatar ${role.toLowerCase()}" aria-hidden="true">${role.slice(0, 1)}</span>
    <div class="who">
      <strong>${role}</strong>${one.subjectId === user.subjectId && html` <span class="tag">You</span>`}
      <code>${one.subjectId}</code>
    </div>
    <div class="when">
      ${timeAgo(one.lastSeen)}<small>${one.visits === 1 ? 'first visit' : `${one.visits} visits`}</small>
    </div>
  </li>`
}

export function dashboardPage(dashboard: Dashboard): string {
  const { identity, maxAge, account, users, events } = dashboard
  const { site, user } = account
  const role = roleOf(account)
  const isOwner = role === 'Owner'
  const plan = site.plan ?? 'Free'

  return layout(
    'Dashboard',
    html`
      <div class="greeting">
        <p class="verified" id="signed-in">Signed in by Wix</p>
        <h1>${user.visits === 1 ? 'Welcome' : 'Welcome back'}, ${role.toLowerCase()}</h1>
        <p>
          ${isOwner ? 'This is your site' : 'You help to run this site'}. It is on the <strong>${plan}</strong> plan.
        </p>
      </div>

      <dl class="stats">
        ${stat('Your role', role, NOTES[role])}
        ${stat('Plan', plan, site.plan === null ? 'No paid plan yet' : 'Paid through Wix')}
        ${stat('People', users.length, 'Seen on this site')}
        ${stat('Signed in for', duration(secondsLeft(identity, maxAge)), 'Then reload from Wix')}
      </dl>

      <div class="columns">
        <section class="card" aria-labelledby="people">
          <h2 id="people">People on this site</h2>
          <ul class="people">
            ${users.map((one) => person(one, account))}
          </ul>
        </section>

        <section class="card" aria-labelledby="installation">
          <h2 id="installation">Installation</h2>
          <dl class="facts">
            ${fact('Site', identity.siteId && html`<code>${identity.siteId}</code>`)}
            ${fact('Instance', html`<code>${site.instanceId}</code>`)}
            ${fact('Copied from', site.originInstanceId && html`<code>${site.originInstanceId}</code>`)}
            ${fact('First seen', timeAgo(site.firstSeen))}
            ${fact('The API knows you as', html`<span id="me"></span> <code id="my-id"></code>`)}
          </dl>
        </section>
      </div>

      ${eventList(events)}
    `,
  )
}
