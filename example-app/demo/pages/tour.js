import { say } from './language.js'
import { element } from './session.js'

const DOCS = 'https://github.com/maxkoryukov/passport-wix-app/blob/HEAD/docs'

/** The uses of an identity that Wix's documentation names: what to try, in which view, and the file in which it is done. */
const USES = [
  {
    title: 'Identity-specific data',
    text: 'Write a note for yourself, then look as the collaborator: it is not there.',
    view: 'notes',
    files: ['demo/notes.ts'],
  },
  {
    title: 'Authentication',
    text: 'Each way in has a strategy. Sign in with an access token, or send an event, and see who came how.',
    view: 'settings',
    files: ['sign-in.ts', 'from-wix.ts', 'demo/signed-calls.ts'],
  },
  {
    title: 'Authorization',
    text: 'Look as a visitor: this dashboard stays closed. Publish a note: that needs the paid plan. Delete all notes: only the owner can.',
    view: 'notes',
    files: ['api.ts', 'demo/notes.ts'],
  },
  {
    title: 'Auditing',
    text: 'Who did what, how they were signed in, and what was refused.',
    view: 'activity',
    files: ['audit.ts'],
  },
  {
    title: 'Personalization',
    text: 'Say what to call you, and choose a language: it greets you so at each visit.',
    view: 'settings',
    files: ['api.ts', 'demo/words.ts'],
  },
  {
    title: 'Billing',
    text: 'Write notes on the free plan until its limit, then choose the paid plan: each further one has a price.',
    view: 'usage',
    files: ['billing.ts'],
  },
]

/** Where the addresses of the app are entered, in its dashboard at Wix. */
const ADDRESSES = [
  ['Extensions > Dashboard Page > iFrame URL', '/dashboard'],
  ['Webhooks > Create Webhook > Callback URL', '/webhooks'],
  ['Extensions > additional fees (service plugin) > deploymentUri', '/plugins/fees'],
]

const step = (title, text, ...more) =>
  element('li', {}, element('h3', {}, say(title)), element('p', {}, say(text)), ...more)

export const tour = () => [
  ...USES.map(({ title, text, view, files }) =>
    step(
      title,
      text,
      element(
        'p',
        { className: 'muted' },
        element('a', { href: `#${view}` }, say(view[0].toUpperCase() + view.slice(1))),
        ...files.flatMap((file) => [' · ', element('code', {}, file)]),
      ),
    ),
  ),
  step(
    'From here to the real Wix',
    'Give your app an https address, for example with a tunnel, and enter it in the dashboard of your app at Wix:',
    element(
      'dl',
      {},
      ...ADDRESSES.flatMap(([where, path]) => [
        element('dt', {}, where),
        element('dd', {}, element('code', {}, `https://your-address${path}`)),
      ]),
    ),
    element(
      'p',
      {},
      element(
        'a',
        { href: `${DOCS}/going-live.md`, target: '_blank', rel: 'noreferrer' },
        say('Step by step, and what will differ'),
      ),
    ),
  ),
]
