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

const emoji = '(?:\\p{Regional_Indicator}{2}|[0-9#*]\\uFE0F?\\u20E3|\\p{Extended_Pictographic}(?:\\uFE0F|\\u200D\\p{Extended_Pictographic}|[\\u{1F3FB}-\\u{1F3FF}\\u{E0020}-\\u{E007F}])*)'
const emojiOnly = new RegExp(`^(?:${emoji}\\s?){1,3}$`, 'u')

/** Up to three emoji and nothing else are drawn large. */
export const isEmoji = (text: string): boolean => text.length <= 120 && emojiOnly.test(text)
