import type { SavedEvent } from '../database.ts'
import { html, type Html } from './html.ts'
import { ago } from './time.ts'

/** An event as it is shown, by this server or by public/live.js. */
export interface EventLine {
  kind: string
  type: string
  /** The first characters of the ID. */
  id: string
  /** As ISO 8601. */
  time: string
  ago: string
}

const shorten = (id: string): string => (id.length > 8 ? `${id.slice(0, 8)}…` : id)

export const eventLine = ({ kind, type, eventId, receivedAt }: SavedEvent): EventLine => ({
  kind,
  type,
  id: shorten(eventId ?? ''),
  time: new Date(receivedAt).toISOString(),
  ago: ago(receivedAt),
})

const line = ({ kind, type, id, time, ago }: EventLine): Html =>
  html`<li>
    <div class="who"><strong data-is="type">${type}</strong><code data-is="id">${id}</code></div>
    <span class="tag" data-is="kind">${kind}</span>
    <time class="when" data-is="ago" datetime="${time}" title="${time}">${ago}</time>
  </li>`

/** The list works without JavaScript; with it, the list is updated live. */
export const eventList = (events: readonly SavedEvent[]): Html => html`
  <section class="card events" aria-labelledby="events">
    <div class="heading">
      <h2 id="events">Latest events</h2>
      <span class="verified" id="live" role="status"></span>
    </div>
    <ul class="people" id="event-list">
      ${events.map((event) => line(eventLine(event)))}
    </ul>
    <p class="empty">
      None yet. What Wix sends about this site is shown here: webhooks, service plugin calls, payments.
    </p>
    <template id="event-line">${line({ kind: '', type: '', id: '', time: '', ago: '' })}</template>
    <script src="/live.js" type="module"></script>
  </section>
`
