import { createHash } from 'node:crypto'
import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { secureUrl } from '../../lib/internal/url.ts'
import { isObject, own } from '../../lib/internal/values.ts'
import { textOf } from '../text.ts'
import { type Cast, PEOPLE, type Person, type Site, SITES } from './sites.ts'

/** In the folder of the simulator: sites and people that a developer has added, by hand. */
const FILE = 'own.json'
/** Bytes. */
const MAX_LENGTH = 65_536

// A checkout may bring a file of its own making: what it says ends up in terminals, in pages and in signed credentials.
const isWord = (value: unknown): boolean => typeof value === 'string' && /^[\w.-]{1,64}$/.test(value)
const isLine = (value: unknown): boolean =>
  typeof value === 'string' && /^(?=.*\S)[^\p{C}\p{Zl}\p{Zp}]{1,80}$/u.test(value)
const KEY = /^[a-z][a-z\d-]{0,39}$/

const FORMS = {
  line: { test: isLine, is: 'one printable line of at most 80 characters' },
  word: { test: isWord, is: 'an id: letters, digits, ., _ and -, at most 64' },
  url: { test: (value: unknown) => secureUrl(value) === undefined, is: 'an https URL' },
  subjectType: {
    test: (value: unknown) => value === 'USER' || value === 'MEMBER' || value === 'VISITOR',
    is: 'USER, MEMBER or VISITOR',
  },
}

const SITE_FORMS = {
  name: FORMS.line,
  url: FORMS.url,
  instanceId: FORMS.word,
  siteId: FORMS.word,
  ownerId: FORMS.word,
  accountId: FORMS.word,
  originInstanceId: FORMS.word,
}
const PERSON_FORMS = { name: FORMS.line, subjectType: FORMS.subjectType, id: FORMS.word }

/** An id that never changes, so that what an app has stored about a site stays right. It belongs to nobody at Wix. */
function idOf(...parts: readonly string[]): string {
  const hex = createHash('sha256').update(parts.join(' ')).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  )
}

/** One that somebody has written; each of its properties has the right form. */
type Written = Readonly<Record<string, string | undefined>>

/** @throws {Error} Names the file and the property, and not what it says. */
function partOf(
  content: unknown,
  part: 'sites' | 'people',
  forms: Readonly<Record<string, { test: (value: unknown) => boolean; is: string }>>,
  taken: object,
  path: string,
): [key: string, written: Written][] {
  const all = own(content, part) ?? {}
  if (!isObject(all)) throw new Error(`${path}: ${part} must be an object`)
  return Object.entries(all).map(([key, written]: [string, unknown]) => {
    if (!KEY.test(key)) throw new Error(`${path}: a key in ${part} must be a word of small letters, digits and -`)
    if (Object.hasOwn(taken, key)) throw new Error(`${path}: ${part}.${key} is one of the simulator: take another key`)
    if (!isObject(written)) throw new Error(`${path}: ${part}.${key} must be an object`)
    for (const name of Object.keys(written)) {
      if (!Object.hasOwn(forms, name))
        throw new Error(`${path}: ${part}.${key} may have only ${Object.keys(forms).join(', ')}`)
    }
    for (const [name, { test, is }] of Object.entries(forms)) {
      const value = own(written, name)
      // Everything else has a default.
      if ((value !== undefined || name === 'name') && !test(value))
        throw new Error(`${path}: ${part}.${key}.${name} must be ${is}`)
    }
    return [key, written as Written]
  })
}

const siteOf = ([key, written]: [string, Written]): [string, Site] => [
  key,
  {
    name: String(written['name']),
    url: written['url'] ?? `https://${key}.example`,
    instanceId: written['instanceId'] ?? idOf('instance', key),
    siteId: written['siteId'] ?? idOf('site', key),
    ownerId: written['ownerId'] ?? idOf('owner', key),
    accountId: written['accountId'] ?? idOf('account', key),
    originInstanceId: written['originInstanceId'] ?? null,
  },
]

function personOf([key, written]: [string, Written]): [string, Person] {
  const { subjectType = 'MEMBER', id = idOf('person', key) } = written as {
    subjectType?: Person['subjectType']
    id?: string
  }
  return [key, { name: String(written['name']), subjectType, id: () => id }]
}

/**
 * The sites and people that there are: those of the simulator, and those in the folder.
 *
 * @throws {Error} When the file is no JSON, has something of another form, or is a link.
 */
export function peopleAndSites(folder: string | undefined): Pick<Cast, 'sites' | 'people'> {
  const path = join(folder ?? '', FILE)
  const file = folder === undefined ? undefined : lstatSync(path, { throwIfNoEntry: false })
  if (file === undefined) return { sites: SITES, people: PEOPLE }
  // Git checks out links, too, and what somebody else has put there may have no end.
  if (!file.isFile() || file.size > MAX_LENGTH)
    throw new Error(`${path} must be a file of at most ${MAX_LENGTH} bytes, and no link`)
  let content: unknown
  try {
    content = JSON.parse(textOf(readFileSync(path)))
  } catch {
    // The message of the parser would quote a part of it.
    throw new Error(`${path} is not JSON`)
  }
  if (!isObject(content) || Object.keys(content).some((name) => name !== 'sites' && name !== 'people'))
    throw new Error(`${path} must be an object with sites, people or both, and nothing else`)
  return {
    sites: { ...SITES, ...Object.fromEntries(partOf(content, 'sites', SITE_FORMS, SITES, path).map(siteOf)) },
    people: { ...PEOPLE, ...Object.fromEntries(partOf(content, 'people', PERSON_FORMS, PEOPLE, path).map(personOf)) },
  }
}
