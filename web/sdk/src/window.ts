import type { Clock } from './clock.ts'
import { fields, identity, integer, list, text } from './events.ts'
import type { Api } from './http.ts'
import { readMessage, readParts } from './message.ts'
import { Cell } from './readable.ts'
import { RoomError } from './errors.ts'
import type { Found, Log, Message } from './types.ts'

export const pageSize = 50
/** A client that missed more messages than this starts with the newest page instead of catching up. */
const catchUp = 400
/** At most this many pages are read to extend the window to one old message. */
const maxReach = 50

export type Stored = Message & { readonly seq: number }

export interface WindowOptions {
  readonly room: string
  readonly api: Pick<Api, 'get'>
  readonly clock: Clock
  readonly slot: (user: string) => number
  readonly name: (user: string) => string | undefined
  readonly log: Log
  /** Called when the window has changed. */
  readonly onChange: () => void
}

interface Page { readonly messages: readonly unknown[]; readonly rev: number; readonly recovered: boolean }

/**
 * The stored messages that are loaded: all from some seq to the newest. It tracks
 * the rev up to which all changes are known, and reads missing changes.
 */
export class MessageWindow {
  readonly hasOlder = new Cell(false)
  readonly loading = new Cell(true)
  readonly #o: WindowOptions
  #me = ''
  #stored = new Map<number, Stored>() // by seq
  #ids = new Map<string, number>() // seq of a stored id
  #names = new Map<string, string>() // names of the authors, by user id
  #from = Infinity // lowest seq that is loaded
  #through = 0 // all messages from #from to this seq are loaded
  #last = 0 // highest seq that the server has announced
  #rev = 0 // all changes up to this rev are known
  #epoch = '' // of the history that all these numbers belong to
  #lastRev = 0 // highest rev that the server has announced
  #opened = false // the first page has been read
  #online = false
  #filling = false
  #failures = 0
  #cancel: (() => void) | undefined
  #older: Promise<void> | undefined
  #early: Stored[] = [] // changes that arrived while an older page is read, which may have the messages as they were before

  constructor(options: WindowOptions) { this.#o = options }

  get last(): number { return this.#last }
  get opened(): boolean { return this.#opened }

  joined(me: string, lastSeq: number, lastRev: number, epoch: string): void {
    this.#me = me
    this.#online = true
    if (epoch !== this.#epoch || lastRev < this.#rev) this.#forget()
    this.#epoch = epoch
    this.#last = Math.max(this.#last, lastSeq)
    this.#lastRev = Math.max(this.#lastRev, lastRev)
    this.#failures = 0
    this.#fill()
  }

  lost(): void {
    this.#online = false
    this.#cancel?.()
    this.#cancel = undefined
  }

  byId(id: string): Stored | undefined { return this.#stored.get(this.#ids.get(id) ?? 0) }

  /** By seq. */
  all(): Stored[] { return [...this.#stored.values()].sort((a, b) => a.seq - b.seq) }

  /** Takes a message from an event, and reads messages that are missing before it. Undefined if it is no message or not new. */
  received(v: unknown): Stored | undefined {
    const m = this.#read([v])[0]
    if (!m) return undefined
    if (m.rev === this.#rev + 1) this.#rev = m.rev // events come in order of rev
    this.#lastRev = Math.max(this.#lastRev, m.rev)
    const known = this.#stored.get(m.seq)
    const isNew = m.seq > this.#last
    this.#last = Math.max(this.#last, m.seq)
    // A changed message from before the window is not added: it would leave a gap.
    if (!known && this.#opened && m.seq < this.#from) {
      if (this.#older) this.#early.push(m)
      return m
    }
    const taken = this.#put(m)
    this.#measure()
    this.#fill()
    return taken || isNew ? m : undefined
  }

  loadOlder(limit = pageSize): Promise<void> {
    return this.#older ??= this.#loadOlder(limit).finally(() => {
      this.#older = undefined
      this.#early = []
    })
  }

  /** Extends the window back to a message. False if there is no such message or it is too far back. */
  async reach(id: string): Promise<boolean> {
    if (this.byId(id)) return true
    const m = await this.message(id)
    for (let i = 0; m && i < maxReach && this.#from > m.seq && this.hasOlder.get(); i++) await this.loadOlder(200)
    return this.byId(id) !== undefined
  }

  async message(id: string): Promise<Stored | undefined> {
    return this.byId(id) ?? this.#read([await this.#o.api.get(`${this.#path}/${encodeURIComponent(id)}`)])[0]
  }

  /** Reads a page of the replies to a message; they are not added to the window. */
  async replies(thread: string, before: number, limit: number): Promise<readonly Stored[]> {
    const { messages } = await this.#get(`thread=${encodeURIComponent(thread)}&limit=${limit}${before > 0 && Number.isFinite(before) ? `&before=${before}` : ''}`)
    return this.#read(messages)
  }

  async search(q: string, { limit, before }: { limit?: number; before?: number } = {}): Promise<readonly Found[]> {
    const query = new URLSearchParams({ q, ...(limit === undefined ? {} : { limit: String(limit) }), ...(before === undefined ? {} : { before: String(before) }) })
    const answer = fields(await this.#o.api.get(`/api/rooms/${encodeURIComponent(this.#o.room)}/search?${query}`))
    return list(answer['results']).flatMap((v) => {
      const [message] = this.#read([fields(v)['message']])
      const snippet = fields(fields(v)['snippet'])
      const marks = list(snippet['marks']).map((m): [number, number] => [integer(list(m)[0]), integer(list(m)[1])])
      return message ? [{ message, snippet: { text: text(snippet['text']), marks } }] : []
    })
  }

  /** The slot or name of a user has become known or has changed. */
  peopleChanged(): void {
    for (const [seq, m] of this.#stored) {
      const slot = this.#o.slot(m.user.id)
      const parts = m.mentions.length > 0 ? readParts(m.text, m.mentions, this.#name) : m.parts
      if (slot !== m.user.slot || (parts !== m.parts && JSON.stringify(parts) !== JSON.stringify(m.parts))) {
        this.#stored.set(seq, { ...m, parts, user: { ...m.user, slot } })
      }
    }
  }

  readonly #name = (user: string): string | undefined => this.#o.name(user) ?? this.#names.get(user)

  #read(messages: readonly unknown[]): Stored[] {
    for (const v of messages) {
      const author = identity(fields(v)['user'])
      if (author) this.#names.set(author.id, author.name)
    }
    return messages.map((v) => readMessage(v, { me: this.#me, slot: this.#o.slot, name: this.#name })).filter((m) => m !== undefined)
  }

  /** True unless the window has this state of the message or a newer one. */
  #put(m: Stored): boolean {
    const held = this.#stored.get(m.seq)
    if (held && (held.rev > m.rev || JSON.stringify(held) === JSON.stringify(m))) return false
    this.#stored.set(m.seq, m)
    this.#ids.set(m.id, m.seq)
    return true
  }

  #measure(): void {
    if (!this.#opened) return // the first page decides where the window begins
    while (this.#stored.has(this.#through + 1)) this.#through++
    while (this.#stored.has(this.#from - 1)) this.#from--
    this.hasOlder.set(this.#from > 1)
  }

  /** Reads missing messages and changes, one page at a time. After a failure it is retried later. */
  #fill(): void {
    if (this.#filling || this.#cancel || !this.#online) return
    const afresh = !this.#opened || this.#last - this.#through > catchUp || this.#lastRev - this.#rev > catchUp
    const changes = !afresh && this.#rev < this.#lastRev
    if (!afresh && !changes && this.#through >= this.#last) return this.loading.set(false)
    this.#filling = true
    const read = afresh ? this.#open() : changes ? this.#changes() : this.#readGap()
    read.then(() => {
      this.#failures = 0
      this.#filling = false
      this.#measure()
      this.#fill()
      this.#o.onChange()
    }).catch((err: unknown) => {
      this.#filling = false
      this.#o.log('warn', 'messages could not be read', err)
      if (err instanceof RoomError && !err.retryable) return this.loading.set(false)
      this.#cancel = this.#o.clock.after(Math.min(30_000, 1000 * 2 ** this.#failures++), () => {
        this.#cancel = undefined
        this.#fill()
      })
    })
  }

  /** The room has another history now, because a backup was restored, say: all loaded messages are dropped. */
  #forget(): void {
    this.#stored.clear()
    this.#ids.clear()
    this.#opened = false
    this.#from = Infinity
    this.#through = this.#last = this.#rev = this.#lastRev = 0
  }

  /** Replaces the window by the newest page. */
  async #open(): Promise<void> {
    this.#begin(await this.#get(`limit=${pageSize}`))
  }

  #begin({ messages, rev }: Page): void {
    const page = this.#read(messages)
    const seqs = page.map((m) => m.seq)
    this.#opened = true
    this.#from = seqs.length > 0 ? Math.min(...seqs) : 1
    this.#through = Math.max(0, ...seqs)
    this.#last = Math.max(this.#last, this.#through)
    this.#rev = rev
    this.#lastRev = Math.max(this.#lastRev, rev)
    for (const [seq, m] of this.#stored) {
      if (seq >= this.#from) continue
      this.#stored.delete(seq)
      this.#ids.delete(m.id)
    }
    for (const m of page) this.#put(m)
  }

  /** Reads the messages that are new or have changed since #rev. */
  async #changes(): Promise<void> {
    const answer = await this.#get(`changed=${this.#rev}&limit=200${this.#epoch === '' ? '' : `&epoch=${encodeURIComponent(this.#epoch)}`}`)
    if (!answer.recovered) {
      this.#forget()
      return this.#begin(answer)
    }
    const page = this.#read(answer.messages)
    for (const m of page) {
      this.#last = Math.max(this.#last, m.seq)
      if (m.seq >= this.#from) this.#put(m)
    }
    this.#rev = page.length > 0 ? Math.max(this.#rev, ...page.map((m) => m.rev)) : this.#lastRev
  }

  async #readGap(): Promise<void> {
    const { messages } = await this.#get(`after=${this.#through}&limit=200`)
    if (messages.length === 0) this.#through = this.#last // the server has no messages there
    for (const m of this.#read(messages)) this.#put(m)
  }

  async #loadOlder(limit: number): Promise<void> {
    if (!this.hasOlder.get()) return
    const { messages } = await this.#get(`before=${this.#from}&limit=${Math.min(200, Math.max(1, limit))}`)
    for (const m of this.#read(messages)) this.#put(m)
    for (const m of this.#early) if (this.#stored.has(m.seq)) this.#put(m)
    if (messages.length === 0) this.#from = 1
    this.#measure()
    this.#o.onChange()
  }

  get #path(): string { return `/api/rooms/${encodeURIComponent(this.#o.room)}/messages` }

  async #get(query: string): Promise<Page> {
    const answer = fields(await this.#o.api.get(`${this.#path}?${query}`))
    return { messages: list(answer['messages']), rev: integer(answer['rev']), recovered: answer['recovered'] !== false }
  }
}
