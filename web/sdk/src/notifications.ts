import type { Clock } from './clock.ts'
import { fields, identity, integer, list, optionalText, serverEvent, text, type Unchecked } from './events.ts'
import type { CountsEvent, NotificationEvent } from './generated/events.ts'
import type { Api } from './http.ts'
import { Cell } from './readable.ts'
import { EventParser, type StreamEvent } from './sse.ts'
import { RoomError } from './errors.ts'
import type { Log, Notice, Notifications } from './types.ts'

const pageSize = 30
/** A stream without any data for this long is broken: the server sends a comment every 15 s. */
const silentMs = 40_000
/** A tab that has been hidden for this long closes its stream: a browser has six connections to an origin for all its tabs. */
const hiddenMs = 30_000
const backoff = { first: 500, most: 30_000 }

/** The inbox of the user, and the stream of events that keeps it current. */
export class Inbox implements Notifications {
  readonly #watch = (on: boolean): void => { if (on) this.start() }
  readonly items = new Cell<readonly Notice[]>([], this.#watch)
  readonly unread = new Cell(0, this.#watch)
  readonly unseen = new Cell(0, this.#watch)
  readonly hasMore = new Cell(false)
  readonly live = new Cell(false)
  readonly #api: Api
  readonly #clock: Clock
  readonly #log: Log
  #wanted = false // there is a subscriber, or start() was called
  #allowed = true // the client is not disconnected
  #abort: AbortController | undefined
  #cancelRetry: (() => void) | undefined
  #cancelHidden: (() => void) | undefined
  #attempt = 0
  #last = ''
  #more: Promise<void> | undefined

  constructor(api: Api, clock: Clock, log: Log) {
    this.#api = api
    this.#clock = clock
    this.#log = log
  }

  start(): void {
    this.#wanted = true
    if (!this.#allowed || this.#abort || typeof fetch === 'undefined') return
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    const abort = new AbortController()
    this.#abort = abort
    this.#run(abort.signal).catch((err: unknown) => {
      if (abort.signal.aborted) return
      if (err instanceof RoomError && !err.retryable) return this.#log('warn', 'no notifications', err)
      this.#again()
    })
  }

  /** The client was disconnected, or connected again. */
  allow(on: boolean): void {
    this.#allowed = on
    if (!on) this.#stop()
    else if (this.#wanted) this.start()
  }

  /** The user is another one: the inbox of the last user is dropped. */
  reset(): void {
    this.#stop()
    this.#last = ''
    this.items.set([])
    this.unread.set(0)
    this.unseen.set(0)
    if (this.#wanted) this.start()
  }

  /** The page was shown or hidden. */
  visible(on: boolean): void {
    this.#cancelHidden?.()
    this.#cancelHidden = on ? undefined : this.#clock.after(hiddenMs, () => this.#stop())
    if (on && this.#wanted) this.start()
  }

  loadMore(): Promise<void> {
    return this.#more ??= this.#page(this.items.get().at(-1)?.id).finally(() => { this.#more = undefined })
  }

  async markRead(id: string): Promise<void> {
    const now = new Date(this.#clock.now()).toISOString()
    const before = this.items.get()
    const target = before.find((n) => n.id === id)
    if (target?.readAt !== undefined) return
    if (target) {
      this.items.set(before.map((n) => n.id === id ? { ...n, readAt: now, seenAt: n.seenAt ?? now } : n))
      this.unread.set(Math.max(0, this.unread.get() - 1))
      if (target.seenAt === undefined) this.unseen.set(Math.max(0, this.unseen.get() - 1))
    }
    await this.#post(`/api/notifications/${encodeURIComponent(id)}/read`)
  }

  async markAllRead(): Promise<void> {
    const now = new Date(this.#clock.now()).toISOString()
    this.items.set(this.items.get().map((n) => n.readAt !== undefined ? n : { ...n, readAt: now, seenAt: n.seenAt ?? now }))
    this.unread.set(0)
    this.unseen.set(0)
    await this.#post('/api/notifications/read')
  }

  destroy(): void {
    this.#wanted = false
    this.#cancelHidden?.()
    this.#stop()
  }

  /** Sends a change to the server. If that fails, the inbox is read again from the server. */
  async #post(path: string): Promise<void> {
    try {
      await this.#api.post(path)
    } catch (err) {
      this.#page(undefined).catch(() => {})
      throw err
    }
  }

  async #page(before: string | undefined): Promise<void> {
    const answer = fields(await this.#api.get(`/api/notifications?limit=${pageSize}${before === undefined ? '' : `&before=${encodeURIComponent(before)}`}`))
    const page = list(answer['notifications']).map(readNotice).filter((n) => n !== undefined)
    this.hasMore.set(page.length === pageSize)
    if (before !== undefined) {
      this.items.set(merge(this.items.get(), page))
      return
    }
    // Notifications that arrived during the request are newer than its answer.
    const newest = Date.parse(page[0]?.createdAt ?? '') || 0
    const live = this.items.get().filter((n) => Date.parse(n.createdAt) > newest && !page.some((m) => m.id === n.id))
    this.items.set(merge(live, page))
    this.unread.set(integer(answer['unread']) + live.filter((n) => n.readAt === undefined).length)
    this.unseen.set(integer(answer['unseen']) + live.filter((n) => n.seenAt === undefined).length)
  }

  async #run(signal: AbortSignal): Promise<void> {
    const response = await this.#api.stream('/api/events', this.#last === '' ? {} : { 'Last-Event-ID': this.#last }, signal)
    const reader = response.body?.getReader()
    if (!reader) throw new RoomError('server', 'the stream has no body')
    const parser = new EventParser(this.#last)
    for (;;) {
      const stop = this.#clock.after(silentMs, () => void reader.cancel().catch(() => {}))
      let done: boolean, value: Uint8Array | undefined
      try {
        ({ done, value } = await reader.read())
      } finally {
        stop()
      }
      if (signal.aborted) return
      if (done || !value) throw new RoomError('offline', 'the stream ended')
      for (const e of parser.push(value)) this.#event(e)
    }
  }

  #event(line: StreamEvent): void {
    let e
    try {
      e = serverEvent(line.event, fields(JSON.parse(line.data) as unknown))
    } catch {
      return
    }
    if (line.id !== '') this.#last = line.id
    switch (e.name) {
      case 'connected':
        this.live.set(true)
        this.#attempt = 0
        this.#counts(e.data)
        if (this.#last === '' || e.data.recovered !== true) {
          this.#page(undefined).then(() => { this.#last ||= this.items.get()[0]?.id ?? '' }).catch((err: unknown) => this.#log('warn', 'notifications could not be read', err))
        }
        break
      case 'notification': {
        const n = readNotice(e.data)
        if (!n) break
        if (!this.items.get().some((m) => m.id === n.id)) {
          this.unread.set(this.unread.get() + (n.readAt === undefined ? 1 : 0))
          this.unseen.set(this.unseen.get() + (n.seenAt === undefined ? 1 : 0))
        }
        this.items.set(merge(this.items.get(), [n]))
        break
      }
      case 'counts':
        this.#counts(e.data)
        if (this.unread.get() === 0 && this.items.get().some((n) => n.readAt === undefined)) {
          this.#page(undefined).catch(() => {}) // read in another tab
        }
    }
  }

  #counts(data: Unchecked<CountsEvent>): void {
    this.unread.set(integer(data.unread, this.unread.get()))
    this.unseen.set(integer(data.unseen, this.unseen.get()))
  }

  #again(): void {
    this.#abort = undefined
    this.live.set(false)
    const wait = this.#clock.random() * Math.min(backoff.most, backoff.first * 2 ** this.#attempt++)
    this.#cancelRetry = this.#clock.after(wait, () => this.start())
  }

  #stop(): void {
    this.#abort?.abort()
    this.#abort = undefined
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    this.live.set(false)
  }
}

/** Both lists, newest first. Of two notifications with one id, the one in `more` counts. */
function merge(held: readonly Notice[], more: readonly Notice[]): readonly Notice[] {
  const all = new Map([...held, ...more].map((n) => [n.id, n]))
  return [...all.values()].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt) || (a.id < b.id ? 1 : -1))
}

function readNotice(v: unknown): Notice | undefined {
  const f = fields<NotificationEvent>(v)
  const id = text(f.id)
  if (id === '') return undefined
  const seenAt = optionalText(f.seenAt)
  const readAt = optionalText(f.readAt)
  return {
    id, kind: text(f.kind), room: text(f.room), title: text(f.title), body: text(f.body), url: text(f.url),
    actor: identity(f.actor) ?? { id: '', name: '' }, createdAt: text(f.createdAt),
    ...(seenAt === undefined ? {} : { seenAt }), ...(readAt === undefined ? {} : { readAt }),
  }
}
