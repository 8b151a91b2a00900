import type { Line, Message } from '@weft/sdk'
import { sameDay } from '../text/index.ts'

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
  /** System lines that stand above it. */
  readonly lines: readonly Line[]
}

/** What was read of a room: `newFrom` is the id of the first unread message, `whole` says that nothing is older. */
export interface Reading { readonly newFrom?: string | null; readonly lines?: readonly Line[]; readonly whole?: boolean }

/** Lays messages, oldest first, out as rows. `rest` are the system lines below the last. */
export function layOut(messages: readonly Message[], { newFrom = null, lines = [], whole = true }: Reading = {}): { readonly rows: readonly Row[]; readonly rest: readonly Line[] } {
  let before: Row | undefined
  let next = 0
  const until = (seq: number): readonly Line[] => {
    const from = next
    while ((lines[next]?.after ?? Infinity) < seq) next++
    return lines.slice(from, next)
  }
  const rows = messages.map((message, i) => {
    const at = new Date(message.createdAt)
    const opensDay = !before || !sameDay(before.at, at)
    const opensNew = message.id === newFrom
    const above = until(message.seq ?? Infinity)
    const shown = i > 0 || whole ? above : [] // what belongs to messages that are not here is not here either
    const continues = !opensDay && !opensNew && shown.length === 0 && before !== undefined && before.message.user.id === message.user.id
      && !before.message.mentionsMe && !message.mentionsMe && at.getTime() - before.at.getTime() < groupMs
    before = { message, at, continues, opensDay, opensNew, lines: shown }
    return before
  })
  return { rows, rest: lines.slice(next) }
}

/** What one sentence says: who joined, or who is called something else now. */
export type Happening = { readonly kind: 'joined'; readonly names: readonly string[] } | { readonly kind: 'renamed'; readonly before: string; readonly name: string }

/**
 * Lines that stand together, as few sentences. Who joined and chose a name then
 * has joined under it; what the reader did is no news to them.
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

/** Up to three emoji and nothing else are drawn large. */
export const isEmoji = (text: string): boolean => text.length <= 120 && emojiOnly.test(text)
