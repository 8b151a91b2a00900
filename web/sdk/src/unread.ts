import type { Clock } from './clock.ts'
import { fields, integer, isFields } from './events.ts'
import type { WireUnread } from './generated/events.ts'
import { Cell } from './readable.ts'
import type { Message, Unread } from './types.ts'

/** Marks are collected for this long: reading is scrolling, not one event. */
const restMs = 500

/** How far somebody has read: the server's word, and what has happened since it was given. */
export class UnreadState {
  readonly unread = new Cell<Unread>({ read: 0, count: 0, mentions: 0 })
  readonly #clock: Clock
  readonly #tell: (seq: number) => void
  #told = 0 // the server knows of this one, or will
  #counted = 0 // messages up to this seq are in the counts
  #cancel: (() => void) | undefined

  constructor(clock: Clock, tell: (seq: number) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  /** What the server says; also of a mark that another tab made. Without it, reading begins now. */
  heard(data: unknown, lastSeq = 0): void {
    if (!isFields(data)) {
      this.#counted = Math.max(this.#counted, lastSeq)
      return
    }
    const f = fields<WireUnread>(data)
    const read = integer(f.read)
    const { read: mine } = this.unread.get()
    this.#told = Math.max(this.#told, read)
    this.#counted = Math.max(this.#counted, integer(f.lastSeq))
    if (read < mine) return // an older answer; ours is on its way
    this.#set({ read, count: integer(f.unread), mentions: integer(f.mentions) })
  }

  /** A message that was not there when the server last counted. */
  arrived(m: Message): void {
    const seq = m.seq ?? 0
    if (seq <= this.#counted) return
    this.#counted = seq
    const now = this.unread.get()
    if (m.mine) return
    if (seq > now.read && !m.deleted) this.#set({ ...now, count: now.count + 1, mentions: now.mentions + (m.mentionsMe ? 1 : 0) })
  }

  /** All up to `seq` is read. `rest` are the held messages, to count what is left. */
  mark(seq: number, rest: readonly Message[]): void {
    const now = this.unread.get()
    if (seq <= now.read) return
    const left = rest.filter((m) => (m.seq ?? 0) > seq && !m.mine && !m.deleted)
    this.#set({ read: seq, count: Math.min(left.length, now.count), mentions: Math.min(left.filter((m) => m.mentionsMe).length, now.mentions) })
    this.#cancel ??= this.#clock.after(restMs, () => {
      this.#cancel = undefined
      const { read } = this.unread.get()
      if (read <= this.#told) return
      this.#told = read
      this.#tell(read)
    })
  }

  destroy(): void {
    this.#cancel?.()
    const { read } = this.unread.get()
    if (this.#cancel && read > this.#told) this.#tell(read)
  }

  #set(next: Unread): void {
    const now = this.unread.get()
    if (next.read !== now.read || next.count !== now.count || next.mentions !== now.mentions) this.unread.set(next)
  }
}
