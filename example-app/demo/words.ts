import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Request } from 'express'
import type { Account } from '../database.ts'

export type Language = 'en' | 'de'

const german = JSON.parse(readFileSync(join(import.meta.dirname, 'pages/german.json'), 'utf8')) as Record<
  string,
  string
>

/** Words in a language, by those in English. As in the dashboard, which has the same file. */
export const say = (language: Language, words: string): string => (language === 'de' && german[words]) || words

/** The language that the person has chosen, else what Wix says (`locale`, which is not signed), else that of the browser. */
export function languageOf(req: Request): Language {
  const account: Partial<Account> | undefined = req.user
  const { locale } = req.query
  const language = account?.user?.language ?? (typeof locale === 'string' ? locale : req.acceptsLanguages('en', 'de'))
  return String(language).startsWith('de') ? 'de' : 'en'
}
