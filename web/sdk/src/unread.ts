import type { Clock } from './clock.ts'
import { fields, integer, isFields } from './events.ts'
import type { WireUnread } from './generated/events.ts'
import { Cell } from './readable.ts'
import type { Message, Unread } from './types.ts'

/** Read marks are sent at most this often, since reading means many scroll events. */
const restMs = 500

/** How far the user has read: the server's last count, and the changes since then. */
export class UnreadState {
  readonly unread = new Cell<Unread>({ read: 0, count: 0, mentions: 0 })
  readonly #clock: Clock
  readonly #send: (seq: number) => void
  #sent = 0 // the highest read mark that was sent to or came from the server
  #counted = 0 // the counts include messages up to this seq
  #cancel: (() => void) | undefined

  constructor(clock: Clock, send: (seq: number) => void) {
    this.#clock = clock
    this.#send = send
  }

  /** The server's count, also after another tab has read. Without a count, everything up to lastSeq counts as read. */
  received(data: unknown, lastSeq = 0): void {
    if (!isFields(data)) {
      this.#counted = Math.max(this.#counted, lastSeq)
      return
    }
    const f = fields<WireUnread>(data)
    const read = integer(f.read)
    const { read: mine } = this.unread.get()
    this.#sent = Math.max(this.#sent, read)
    this.#counted = Math.max(this.#counted, integer(f.lastSeq))
    if (read < mine) return // the count is older than our own mark, which is being sent
    this.#set({ read, count: integer(f.unread), mentions: integer(f.mentions) })
  }

  /** Counts a message that is newer than the server's last count. */
  arrived(m: Message): void {
    const seq = m.seq ?? 0
    if (seq <= this.#counted) return
    this.#counted = seq
    const now = this.unread.get()
    if (m.mine) return
    if (seq > now.read && !m.deleted) this.#set({ ...now, count: now.count + 1, mentions: now.mentions + (m.mentionsMe ? 1 : 0) })
  }

  /** Marks all messages up to `seq` as read. `rest` are the loaded messages, to count the unread ones among them. */
  mark(seq: number, rest: readonly Message[]): void {
    const now = this.unread.get()
    if (seq <= now.read) return
    const left = rest.filter((m) => (m.seq ?? 0) > seq && !m.mine && !m.deleted)
    this.#set({ read: seq, count: Math.min(left.length, now.count), mentions: Math.min(left.filter((m) => m.mentionsMe).length, now.mentions) })
    this.#cancel ??= this.#clock.after(restMs, () => {
      this.#cancel = undefined
      const { read } = this.unread.get()
      if (read <= this.#sent) return
      this.#sent = read
      this.#send(read)
    })
  }

  destroy(): void {
    this.#cancel?.()
    const { read } = this.unread.get()
    if (this.#cancel && read > this.#sent) this.#send(read)
  }

  #set(next: Unread): void {
    const now = this.unread.get()
    if (next.read !== now.read || next.count !== now.count || next.mentions !== now.mentions) this.unread.set(next)
  }
}
