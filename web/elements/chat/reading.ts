import type { ReactiveController, ReactiveElement } from 'lit'
import type { Message, Room } from '@weft/sdk'
import { ScrollAnchor } from './scroll-anchor.ts'

/** Closer than this to the start of the log, older messages are loaded. In CSS pixels. */
const loadOlderWithinPx = 60
/** A row counts as read after half of it was on screen for this long, in a window that has the focus. */
const readAfterMs = 600

/** The chat element, as far as its reading position needs it. */
export interface ReadingHost extends ReactiveElement {
  readonly room: Room | null
  /** The message whose thread is shown; null if the chat is shown. */
  readonly thread: string | null
}

export interface ReadingOptions {
  /** The element that scrolls; null before the first render. */
  log(): HTMLElement | null
  /** The messages on screen, oldest first. */
  messages(): readonly Message[]
  row(id: string): HTMLElement | null
  /** The number of unread messages has changed. */
  onUnread(count: number): void
  /** The newest message is on screen, and the reader has seen it. */
  onSeen(id: string): void
}

/**
 * The reader's position in the chat: where the log is scrolled to, which message
 * is the first unread one, what counts as read, and when older messages are
 * loaded. In a thread only the scroll position and the loading are kept: threads
 * have no unread count.
 */
export class Reading implements ReactiveController {
  readonly #host: ReadingHost
  readonly #options: ReadingOptions
  readonly #anchor: ScrollAnchor
  #room: Room | null = null
  #firstUnread: string | null = null
  #below: readonly Message[] = []
  #isPlaced = false // the log was scrolled to the first unread message, once for each room
  #unreadCount = -1 // the count that was told last; -1 before the first
  #loadingOlder: Promise<void> | null = null
  #readTimer: ReturnType<typeof setTimeout> | undefined

  constructor(host: ReadingHost, options: ReadingOptions) {
    this.#host = host
    this.#options = options
    this.#anchor = new ScrollAnchor(host, () => options.log())
    host.addController(this)
  }

  /** The id of the message below the rule "New"; null without the rule. */
  get firstUnread(): string | null { return this.#firstUnread }

  /** Unread messages below the part of the log that is in view, oldest first. */
  get below(): readonly Message[] { return this.#below }

  hostConnected(): void {
    document.addEventListener('visibilitychange', this.#scheduleRead)
    addEventListener('focus', this.#scheduleRead)
  }

  hostDisconnected(): void {
    document.removeEventListener('visibilitychange', this.#scheduleRead)
    removeEventListener('focus', this.#scheduleRead)
    clearTimeout(this.#readTimer)
    this.#readTimer = undefined
  }

  hostUpdate(): void {
    const { room } = this.#host
    if (room !== this.#room) {
      this.#room = room
      this.#isPlaced = false
    }
    if (!room || this.#isPlaced || room.chat.loading.get()) return
    const { read, count } = room.chat.unread.get()
    if (count > 0) this.#firstUnread = this.#options.messages().find((m) => isUnread(m, read))?.id ?? null
  }

  hostUpdated(): void {
    const chat = this.#host.room?.chat
    if (!chat || !this.#options.log()) return
    if (!chat.loading.get()) {
      this.#placeOnce()
      this.#loadOlder()
    }
    this.#update()
  }

  /** The log was scrolled, by the reader or by code. */
  readonly scrolled = (): void => {
    this.#anchor.keep()
    this.#update()
    this.#loadOlder()
  }

  /** Goes to the end of the log with the next change, and stays there. */
  followEnd(): void {
    this.#anchor.follow()
  }

  /** Goes to the end of the log now. */
  goToEnd(): void {
    this.#anchor.follow()
    this.#anchor.keep()
  }

  /** The chat became visible: messages on screen may now be read. */
  shown(): void {
    this.#anchor.keep()
    this.#loadOlder()
    this.#scheduleRead()
  }

  /** Removes the rule "New". */
  clearFirstUnread(): void {
    this.#firstUnread = null
  }

  #placeOnce(): void {
    if (this.#isPlaced) return
    this.#isPlaced = true
    const first = this.#firstUnread === null ? null : this.#options.row(this.#firstUnread)
    if (first) first.scrollIntoView({ block: 'center' })
    else this.#anchor.follow()
    this.#anchor.keep()
  }

  /** Loads older messages while the reader is near the start of the log. */
  #loadOlder(): void {
    const { room, thread } = this.#host
    const log = this.#options.log()
    const source = thread === null ? room?.chat : room?.chat.thread(thread)
    if (!source || !log || log.clientHeight === 0 || log.scrollTop > loadOlderWithinPx || this.#loadingOlder || !source.hasOlder.get()) return
    this.#loadingOlder = source.loadOlder().then(() => drawn(this.#host)).then(() => {
      this.#loadingOlder = null
      this.#loadOlder() // a page of messages may be shorter than the log
    }, () => { this.#loadingOlder = null }) // the next scroll or change tries again
  }

  /** Updates the unread count and the list of unread messages below, and schedules the reading. */
  #update(): void {
    const { room, thread } = this.#host
    if (!room) return
    const { read, count } = room.chat.unread.get()
    if (count !== this.#unreadCount) this.#options.onUnread(this.#unreadCount = count)
    const unread = thread === null && !room.chat.loading.get() ? this.#options.messages().filter((m) => isUnread(m, read) && !m.deleted) : []
    if (unread[0] && !this.#isWatched && this.#isPlaced) this.#firstUnread ??= unread[0].id
    const below = this.#anchor.isAtEnd || !this.#isPlaced ? [] : unread
    if (below.length !== this.#below.length || below[0] !== this.#below[0]) {
      this.#below = below
      this.#host.requestUpdate()
    }
    this.#scheduleRead()
  }

  /** The window has the focus and the chat is visible in it. */
  get #isWatched(): boolean {
    return document.visibilityState === 'visible' && document.hasFocus() && this.#host.checkVisibility()
  }

  readonly #scheduleRead = (): void => {
    if (this.#readTimer !== undefined || !this.#isWatched) return
    this.#readTimer = setTimeout(() => {
      this.#readTimer = undefined
      this.#markRead()
    }, readAfterMs)
  }

  /** Marks messages read, up to the last one whose upper half is on screen. */
  #markRead(): void {
    const { room, thread } = this.#host
    const log = this.#options.log()
    if (!room || !log || log.clientHeight === 0 || !this.#isWatched || thread !== null) return
    const messages = this.#options.messages()
    const newest = messages.at(-1)
    if (!newest) return
    const { bottom } = log.getBoundingClientRect()
    const seen = [...messages].reverse().find((m) => {
      const box = this.#options.row(m.id)?.getBoundingClientRect()
      return box && (box.top + box.bottom) / 2 <= bottom
    })
    if (seen?.seq !== undefined) room.chat.markRead(seen === newest ? undefined : seen.seq)
    if (seen === newest) this.#options.onSeen(newest.id)
  }
}

const isUnread = (m: Message, read: number): boolean => (m.seq ?? 0) > read && !m.mine

/** Resolves when all that has changed by now is on screen. */
export async function drawn(host: ReactiveElement): Promise<void> {
  await Promise.resolve() // a Readable tells its subscribers in a microtask
  await host.updateComplete
}
