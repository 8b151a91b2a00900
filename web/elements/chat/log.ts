import type { Line, Message } from '@weft/sdk'
import { sameDay } from '../text/index.ts'

/** Messages of one person stand under one header if they are closer together than this. */
export const groupMs = 5 * 60_000

export interface Row {
  readonly message: Message
  readonly at: Date
  /** The row has no header of its own: it stands under the previous row's. */
  readonly continues: boolean
  /** The message is the first of its day. */
  readonly opensDay: boolean
  /** The message is the first unread one. */
  readonly opensNew: boolean
  /** System lines above the row. */
  readonly lines: readonly Line[]
}

export interface LayOutOptions {
  /** The id of the first unread message; null if there is none. */
  readonly newFrom?: string | null
  /** The room's system lines, oldest first. */
  readonly lines?: readonly Line[]
  /** True if no older message exists than the first of those given. */
  readonly whole?: boolean
}

/** Lays messages, oldest first, out as rows. `rest` are the system lines below the last row. */
export function layOut(messages: readonly Message[], { newFrom = null, lines = [], whole = true }: LayOutOptions = {}): { readonly rows: readonly Row[]; readonly rest: readonly Line[] } {
  let before: Row | undefined
  let nextLine = 0
  const takeLinesBefore = (seq: number): readonly Line[] => {
    const from = nextLine
    while ((lines[nextLine]?.after ?? Infinity) < seq) nextLine++
    return lines.slice(from, nextLine)
  }
  const rows = messages.map((message, i) => {
    const at = new Date(message.createdAt)
    const opensDay = !before || !sameDay(before.at, at)
    const opensNew = message.id === newFrom
    const above = takeLinesBefore(message.seq ?? Infinity)
    // Lines above the first row may belong between older messages that are not loaded.
    const linesAbove = i > 0 || whole ? above : []
    const continues = !opensDay && !opensNew && linesAbove.length === 0 && before !== undefined && before.message.user.id === message.user.id
      && !before.message.mentionsMe && !message.mentionsMe && at.getTime() - before.at.getTime() < groupMs
    before = { message, at, continues, opensDay, opensNew, lines: linesAbove }
    return before
  })
  return { rows, rest: lines.slice(nextLine) }
}

/** What one sentence about people says: who joined, or who has another name now. */
export type Happening = { readonly kind: 'joined'; readonly names: readonly string[] } | { readonly kind: 'renamed'; readonly before: string; readonly name: string }

/**
 * Merges system lines that stand together into few sentences. A person who joined
 * and then chose a name has joined under that name. Lines about the reader, whose
 * id is `me`, are left out.
 */
export function happenings(lines: readonly Line[], me: string | undefined): Happening[] {
  const joined = new Map<string, string>()
  const renamed = new Map<string, { before: string; name: string }>()
  for (const { kind, user, before = '' } of lines) {
    if (user.id === me) continue
    if (kind === 'joined' || (kind === 'renamed' && joined.has(user.id))) joined.set(user.id, user.name)
    else if (kind === 'renamed') renamed.set(user.id, { before: renamed.get(user.id)?.before ?? before, name: user.name })
  }
  const list: Happening[] = joined.size > 0 ? [{ kind: 'joined', names: [...joined.values()] }] : []
  return list.concat([...renamed.values()].filter((r) => r.before !== r.name).map((r) => ({ kind: 'renamed', ...r })))
}

const emoji = '(?:\\p{Regional_Indicator}{2}|[0-9#*]\\uFE0F?\\u20E3|\\p{Extended_Pictographic}(?:\\uFE0F|\\u200D\\p{Extended_Pictographic}|[\\u{1F3FB}-\\u{1F3FF}\\u{E0020}-\\u{E007F}])*)'
const emojiOnly = new RegExp(`^(?:${emoji}\\s?){1,3}$`, 'u')

/** True for one to three emoji and nothing else; such a message is drawn large. */
export const isEmoji = (text: string): boolean => text.length <= 120 && emojiOnly.test(text)
