import type { Message } from '@weft/sdk'
import { sameDay } from '../base/words.ts'

/** How long one person's messages stay under one header. */
export const groupMs = 5 * 60_000

export interface Row {
  readonly message: Message
  readonly at: Date
  /** Under the previous row's name. */
  readonly continues: boolean
  /** The first of its day. */
  readonly opensDay: boolean
  /** The first that came after the reader looked away. */
  readonly opensNew: boolean
}

/** Lays messages, oldest first, out as rows. `newFrom` is the id of the first unread one. */
export function rows(messages: readonly Message[], newFrom: string | null = null): Row[] {
  let before: Row | undefined
  return messages.map((message) => {
    const at = new Date(message.createdAt)
    const opensDay = !before || !sameDay(before.at, at)
    const opensNew = message.id === newFrom
    const continues = !opensDay && !opensNew && before !== undefined && before.message.user.id === message.user.id
      && !before.message.mentionsMe && !message.mentionsMe && at.getTime() - before.at.getTime() < groupMs
    before = { message, at, continues, opensDay, opensNew }
    return before
  })
}

export type Part =
  | { readonly type: 'text' | 'code' | 'codeblock'; readonly text: string }
  | { readonly type: 'link'; readonly text: string; readonly href: string }
  | { readonly type: 'mention'; readonly text: string; readonly id: string }

/** Whom a text may name: people by id, and what stands for everybody. */
export interface Named { readonly id: string; readonly name: string }

const pattern = /(```[\s\S]+?```|`[^`\n]+`)|(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]'])/gu

/**
 * Splits a text for drawing. It never becomes HTML: what is no code, address or
 * name stays text. A name counts only if the server found it too, in `mentions`.
 */
export function parts(text: string, mentions: readonly Named[]): Part[] {
  const list: Part[] = []
  let done = 0
  for (const found of text.matchAll(pattern)) {
    names(text.slice(done, found.index), mentions, list)
    const [whole, code] = found
    if (code?.startsWith('```')) list.push({ type: 'codeblock', text: code.slice(3, -3).replace(/^\n|\n$/gu, '') })
    else if (code) list.push({ type: 'code', text: code.slice(1, -1) })
    else list.push({ type: 'link', text: whole, href: whole })
    done = found.index + whole.length
  }
  names(text.slice(done), mentions, list)
  return list
}

function names(text: string, mentions: readonly Named[], list: Part[]): void {
  const folded = text.toLowerCase()
  let done = 0
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    if (at < done || (at > 0 && /[\p{L}\p{N}_]/u.test(text[at - 1] ?? ''))) continue
    const hit = mentions
      .flatMap((m) => [{ id: m.id, name: m.name }, { id: m.id, name: m.id }])
      .filter((m) => m.name !== '' && folded.startsWith(m.name.toLowerCase(), at + 1) && !/^[\p{L}\p{N}_]/u.test(text.slice(at + 1 + m.name.length)))
      .sort((a, b) => b.name.length - a.name.length)[0]
    if (!hit) continue
    if (at > done) list.push({ type: 'text', text: text.slice(done, at) })
    const end = at + 1 + hit.name.length
    list.push({ type: 'mention', id: hit.id, text: text.slice(at, end) })
    done = end
  }
  if (done < text.length) list.push({ type: 'text', text: text.slice(done) })
}

/** Up to three emoji and nothing else are drawn large. */
export const isEmoji = (text: string): boolean => /^(?:\p{Extended_Pictographic}(?:\uFE0F|\u200D\p{Extended_Pictographic}|[\u{1F3FB}-\u{1F3FF}])*\s*){1,3}$/u.test(text)
