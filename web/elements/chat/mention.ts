import type { UserInfo } from '@weft/sdk'

/** The `@word` that the caret stands in: where it starts, and what follows the @. */
export interface Query { readonly from: number; readonly text: string }

export function queryAt(text: string, caret: number): Query | null {
  const found = /(?:^|[^\p{L}\p{N}_])@([\p{L}\p{N}_.'-]*(?: [\p{L}\p{N}_.'-]*)?)$/u.exec(text.slice(0, caret))
  const typed = found?.[1]
  return typed === undefined ? null : { from: caret - typed.length - 1, text: typed }
}

/** People whose name, or a part of it, begins with what was typed; accents don't matter. */
export function suggest(people: readonly UserInfo[], typed: string, limit = 6): UserInfo[] {
  const wanted = fold(typed)
  const whole = people.filter((p) => fold(p.name).startsWith(wanted))
  const parts = people.filter((p) => !whole.includes(p) && fold(p.name).split(/\s+/u).some((w) => w.startsWith(wanted)))
  return [...whole, ...parts].slice(0, limit)
}

/** The text with the query replaced by a mention, and where the caret goes. */
export function complete(text: string, query: Query, caret: number, name: string): { text: string; caret: number } {
  const head = `${text.slice(0, query.from)}@${name} `
  return { text: head + text.slice(caret).replace(/^ /u, ''), caret: head.length }
}

/** What to write so that the server knows whom: the name, or the id if the name is not one person's alone. */
export const written = (person: UserInfo, people: readonly UserInfo[]): string =>
  people.some((p) => p.id !== person.id && fold(p.name) === fold(person.name)) ? person.id : person.name

const fold = (s: string): string => s.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
