import type { UserInfo } from '@weft/sdk'

/** An `@word` that is being typed. Positions are in UTF-16 code units. */
export interface Query {
  /** The position of the @. */
  readonly from: number
  /** The text after the @, up to the caret. */
  readonly text: string
}

/** Returns the query that the caret stands in, or null. A query may contain one space, for a second name. */
export function queryAt(text: string, caret: number): Query | null {
  const found = /(?:^|[^\p{L}\p{N}_])@([\p{L}\p{N}_.'-]*(?: [\p{L}\p{N}_.'-]*)?)$/u.exec(text.slice(0, caret))
  const typed = found?.[1]
  return typed === undefined ? null : { from: caret - typed.length - 1, text: typed }
}

/** Returns at most `limit` people whose name, or a word of it, begins with what was typed. Case and accents are ignored. */
export function suggest(people: readonly UserInfo[], typed: string, limit = 6): UserInfo[] {
  const prefix = normalize(typed)
  const byName = people.filter((p) => normalize(p.name).startsWith(prefix))
  const byWord = people.filter((p) => !byName.includes(p) && normalize(p.name).split(/\s+/u).some((w) => w.startsWith(prefix)))
  return [...byName, ...byWord].slice(0, limit)
}

/** Replaces the query, which ends at the caret, by a mention of `name`. Returns the new text and position of the caret. */
export function complete(text: string, query: Query, caret: number, name: string): { text: string; caret: number } {
  const head = `${text.slice(0, query.from)}@${name} `
  return { text: head + text.slice(caret).replace(/^ /u, ''), caret: head.length }
}

/** The text that mentions a person unambiguously: the name, or the id if several people have the name. */
export const mentionText = (person: UserInfo, people: readonly UserInfo[]): string =>
  people.some((p) => p.id !== person.id && normalize(p.name) === normalize(person.name)) ? person.id : person.name

/** Removes case and accents. */
const normalize = (s: string): string => s.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
