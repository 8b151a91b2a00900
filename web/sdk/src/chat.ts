import type { Clock } from './clock.ts'
import { DraftState } from './drafts.ts'
import { fields, identity, integer, list, text, type Fields, type Identity } from './events.ts'
import { refusal, type Api } from './http.ts'
import { draftMessage, inState, readMessage, readParts } from './message.ts'
import { Cell } from './readable.ts'
import { Typing } from './typing.ts'
import { RoomError, type Chat, type Log, type Message, type MessageInput, type Quote } from './types.ts'
import { ulid } from './ulid.ts'

const pageSize = 50
/** A longer absence is not caught up message by message. */
const catchUp = 400

interface Waiting {
  input: MessageInput
  row: Message
  readonly promise: Promise<Message>
  readonly resolve: (m: Message) => void
  readonly reject: (err: RoomError) => void
}

export interface ChatOptions {
  readonly room: string
  readonly api: Pick<Api, 'get'>
  readonly clock: Clock
  readonly slot: (user: string) => number
  /** Undefined for somebody who has not been seen here. */
  readonly name?: (user: string) => string | undefined
  readonly log: Log
  /** Drafts stay on this device. */
  readonly keep?: boolean
}

type Send = (name: string, data: Fields) => void

/**
 * The room's messages: a window of stored ones that ends at the newest, and
 * behind it what is not stored yet. A message keeps its id through every
 * attempt, and the server stores an id once, so sending again is harmless.
 */
export class ChatState implements Chat {
  readonly messages = new Cell<readonly Message[]>([])
  readonly hasOlder = new Cell(false)
  readonly loading = new Cell(true)
  readonly typing
  readonly draft
  readonly #o: ChatOptions
  readonly #typing: Typing
  readonly #draft: DraftState
  #send: Send | undefined
  #me: Identity = { id: '', name: '' }
  #stored = new Map<number, Message>() // by seq
  #ids = new Map<string, number>() // seq of a stored id
  #outbox = new Map<string, Waiting>() // in order of sending
  #from = Infinity // lowest seq held
  #through = 0 // everything from #from to here is held
  #last = 0 // highest seq the server has told of
  #opened = false // the first page is here
  #filling = false
  #failures = 0
  #cancel: (() => void) | undefined
  #older: Promise<void> | undefined
  readonly #names = new Map<string, string>() // of those who have written
  readonly #name = (user: string): string | undefined => this.#o.name?.(user) ?? this.#names.get(user)

  constructor(options: ChatOptions) {
    this.#o = options
    this.#typing = new Typing(options.clock, (on) => this.#send?.('typing', { on }))
    this.typing = this.#typing.others
    this.#draft = new DraftState(options.room, '', options.keep === true)
    this.draft = this.#draft.draft
  }

  joined(send: Send, me: Identity, lastSeq: number, typing: unknown): void {
    this.#send = send
    this.#me = me
    this.#last = Math.max(this.#last, lastSeq)
    this.#typing.joined(me.id, typing)
    this.#draft.belongsTo(me.id)
    for (const id of [...this.#outbox.keys()]) this.#transmit(id)
    this.#failures = 0
    this.#fill()
    this.#show()
  }

  lost(): void {
    this.#send = undefined
    this.#cancel?.()
    this.#cancel = undefined
    this.#typing.lost()
    for (const w of this.#outbox.values()) if (w.row.state === 'sending') w.row = inState(w.row, 'queued')
    this.#show()
  }

  event(name: string, data: Fields): void {
    switch (name) {
      case 'message':
        this.#store([data])
        break
      case 'sent':
        this.#store([data['message']])
        break
      case 'unsent':
        this.#failed(text(data['id']), refusal(integer(data['status']), text(data['detail']) || text(data['title'])))
        break
      case 'typing':
        this.#typing.heard(data['users'])
        return
      default:
        return
    }
    this.#fill()
    this.#show()
  }

  send(input: string | MessageInput): Promise<Message> {
    const post = typeof input === 'string' ? { text: input } : input
    const id = post.id ?? ulid(this.#o.clock.now())
    const stored = this.#stored.get(this.#ids.get(id) ?? 0)
    if (stored) return Promise.resolve(stored)
    const known = this.#outbox.get(id)
    if (known) return known.promise
    let resolve!: (m: Message) => void
    let reject!: (err: RoomError) => void
    const promise = new Promise<Message>((yes, no) => { resolve = yes; reject = no })
    promise.catch(() => {}) // the row says it too; nobody has to listen
    const row = draftMessage(this.#o.room, id, post, this.#me, this.#o.slot(this.#me.id), this.#o.clock.now())
    this.#outbox.set(id, { input: post, row, promise, resolve, reject })
    this.#typing.sent()
    this.#transmit(id)
    this.#show()
    return promise
  }

  retry(id: string): Promise<Message> {
    const failed = this.#outbox.get(id)
    if (failed?.row.state !== 'failed') return failed?.promise ?? Promise.reject(new RoomError('not-found', 'there is no such message to send'))
    this.#outbox.delete(id)
    return this.send({ ...failed.input, id })
  }

  discard(id: string): void {
    const w = this.#outbox.get(id)
    if (!w || w.row.state === 'sending') return
    this.#outbox.delete(id)
    w.reject(new RoomError('invalid', 'the message was discarded', { retryable: false }))
    this.#show()
  }

  loadOlder(limit = pageSize): Promise<void> {
    return this.#older ??= this.#loadOlder(limit).finally(() => { this.#older = undefined })
  }

  setTyping(on: boolean): void { this.#typing.set(on) }

  setDraft(patch: { readonly text?: string; readonly quote?: Quote | undefined }): void { this.#draft.set(patch) }

  /** Somebody's slot or name has become known. */
  slotsChanged(): void {
    for (const [seq, m] of this.#stored) {
      const slot = this.#o.slot(m.user.id)
      const parts = m.mentions.length > 0 ? readParts(m.text, m.mentions, this.#name) : m.parts
      if (slot !== m.user.slot || (parts !== m.parts && JSON.stringify(parts) !== JSON.stringify(m.parts))) {
        this.#stored.set(seq, { ...m, parts, user: { ...m.user, slot } })
      }
    }
    this.#show()
  }

  destroy(): void {
    this.lost()
    this.#typing.sent()
    for (const w of this.#outbox.values()) w.reject(new RoomError('offline', 'the room was left before the message was stored'))
    this.#outbox.clear()
  }

  #transmit(id: string): void {
    const w = this.#outbox.get(id)
    if (!w || !this.#send || w.row.state === 'failed') return
    const { text, thread, quote } = w.input
    this.#send('send', { id, text, thread, quote: quote === undefined ? undefined : JSON.stringify(quote) })
    w.row = inState({ ...w.row, user: { ...this.#me, slot: this.#o.slot(this.#me.id) } }, 'sending')
  }

  #failed(id: string, error: RoomError): void {
    const w = this.#outbox.get(id)
    if (!w) return
    w.row = inState(w.row, 'failed', error)
    w.reject(error)
  }

  /** Takes stored messages in any order, any number of times. */
  #store(messages: readonly unknown[]): void {
    for (const v of messages) {
      const author = identity(fields(v)['user'])
      if (author) this.#names.set(author.id, author.name)
    }
    for (const v of messages) {
      const m = readMessage(v, { me: this.#me.id, slot: this.#o.slot, name: this.#name })
      if (!m) continue
      this.#last = Math.max(this.#last, m.seq)
      const waiting = this.#outbox.get(m.id)
      if (waiting) {
        this.#outbox.delete(m.id)
        waiting.resolve(m)
      }
      const held = this.#stored.get(m.seq)
      if (held && JSON.stringify(held) === JSON.stringify(m)) continue
      this.#stored.set(m.seq, m)
      this.#ids.set(m.id, m.seq)
    }
    this.#measure()
  }

  #measure(): void {
    if (!this.#opened) return // the first page decides where the window begins
    while (this.#stored.has(this.#through + 1)) this.#through++
    while (this.#stored.has(this.#from - 1)) this.#from--
  }

  /** Fetches what is missing up to #last. One at a time; again later if it fails. */
  #fill(): void {
    if (this.#filling || this.#cancel || !this.#send) return
    if (this.#opened && this.#through >= this.#last) return this.loading.set(false)
    this.#filling = true
    const afresh = !this.#opened || this.#last - this.#through > catchUp
    this.#get(afresh ? `limit=${pageSize}` : `after=${this.#through}&limit=200`).then((page) => {
      const seqs = page.map((m) => integer(fields(m)['seq']))
      if (afresh) this.#open(Math.min(...seqs), Math.max(0, ...seqs))
      else if (page.length === 0) this.#through = this.#last // the server knows of nothing there
      this.#store(page)
      this.#failures = 0
      this.#filling = false
      this.#show()
      this.#fill()
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

  /** The window begins anew with a page from `from` through `through`. */
  #open(from: number, through: number): void {
    this.#opened = true
    this.#from = Number.isFinite(from) ? from : 1
    this.#through = through
    this.#last = Math.max(this.#last, through)
    for (const [seq, m] of this.#stored) {
      if (seq >= this.#from) continue
      this.#stored.delete(seq)
      this.#ids.delete(m.id)
    }
  }

  async #loadOlder(limit: number): Promise<void> {
    if (!this.hasOlder.get()) return
    const page = await this.#get(`before=${this.#from}&limit=${Math.min(200, Math.max(1, limit))}`)
    this.#store(page)
    if (page.length === 0) this.#from = 1
    this.#show()
  }

  async #get(query: string): Promise<readonly unknown[]> {
    const answer = await this.#o.api.get(`/api/rooms/${encodeURIComponent(this.#o.room)}/messages?${query}`)
    return list(fields(answer)['messages'])
  }

  #show(): void {
    this.hasOlder.set(this.#opened && this.#from > 1)
    const stored = [...this.#stored.values()].sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0))
    const next = [...stored, ...[...this.#outbox.values()].map((w) => w.row)]
    const now = this.messages.get()
    if (next.length !== now.length || next.some((m, i) => m !== now[i])) this.messages.set(next)
  }
}
