import type { Clock } from './clock.ts'
import { DraftState } from './drafts.ts'
import { fields, integer, serverEvent, text, type Fields, type SendEvent, type Unchecked } from './events.ts'
import type { JoinedEvent, ReadEvent, WireLimits, WireMessage, WireUser } from './generated/events.ts'
import { refusal, type Api } from './http.ts'
import { Lines } from './lines.ts'
import { draftMessage, inState } from './message.ts'
import { Cell } from './readable.ts'
import { Requests, type Change } from './requests.ts'
import { ThreadState } from './thread.ts'
import { Typing } from './typing.ts'
import { RoomError } from './errors.ts'
import type { Chat, Found, Log, Message, MessageInput, Quote } from './types.ts'
import { ulid } from './ulid.ts'
import { UnreadState } from './unread.ts'
import { MessageWindow, type Stored } from './window.ts'

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
  /** The name of a user; undefined for one who has not been in the room. */
  readonly name?: (user: string) => string | undefined
  readonly log: Log
  /** Keep drafts in the storage of this device. */
  readonly keep?: boolean
}

/**
 * The room's messages: a window of stored messages that ends at the newest,
 * followed by own messages that are not stored yet. A message keeps its id
 * through all attempts and the server stores an id once, so sending it again is
 * harmless.
 */
export class ChatState implements Chat {
  readonly messages = new Cell<readonly Message[]>([])
  readonly hasOlder
  readonly loading
  readonly typing
  readonly draft
  readonly unread
  readonly lines
  readonly #o: ChatOptions
  readonly #window: MessageWindow
  readonly #typing: Typing
  readonly #draft: DraftState
  readonly #unread: UnreadState
  readonly #lines: Lines
  readonly #requests = new Requests()
  readonly #typingIn = new Map<string, Typing>() // by thread
  readonly #threads = new Map<string, ThreadState>()
  readonly #drafts = new Map<string, DraftState>()
  readonly #views = new Map<string, { readonly base: Message; readonly refs: string; readonly view: Message }>()
  #send: SendEvent | undefined
  #limits: Pick<WireLimits, 'lines' | 'typing' | 'text'> | undefined // of the server, once joined
  #me: WireUser = { id: '', name: '' }
  #outbox = new Map<string, Waiting>() // in order of sending

  constructor(options: ChatOptions) {
    this.#o = options
    const { room, api, clock, slot, log, name = () => undefined } = options
    this.#window = new MessageWindow({ room, api, clock, slot, name, log, onChange: () => this.#show() })
    this.#lines = new Lines(room, api, log)
    this.lines = this.#lines.lines
    this.hasOlder = this.#window.hasOlder
    this.loading = this.#window.loading
    this.#typing = new Typing(clock, (on) => this.#send?.('typing', { on }))
    this.typing = this.#typing.others
    this.#draft = this.#draftOf('')
    this.draft = this.#draft.draft
    this.#unread = new UnreadState(clock, (seq) => void this.#requests.ask({ name: 'read', seq }).then((d) => this.#unread.received(d.read), () => undefined))
    this.unread = this.#unread.unread
  }

  /** True while a message or a change is not stored yet. */
  get waiting(): boolean {
    return this.#requests.size > 0 || [...this.#outbox.values()].some((w) => w.row.state !== 'failed')
  }

  joined(send: SendEvent, me: WireUser, data: Unchecked<JoinedEvent>, limits: Pick<WireLimits, 'lines' | 'typing' | 'text'>): void {
    this.#send = send
    this.#me = me
    this.#limits = limits
    this.#typing.joined(me.id, data.typing, limits.typing)
    const elsewhere = fields(data.typingThreads)
    for (const root of new Set([...this.#typingIn.keys(), ...Object.keys(elsewhere)])) this.#typingOf(root).joined(me.id, elsewhere[root], limits.typing)
    for (const draft of this.#drafts.values()) draft.belongsTo(me.id)
    for (const id of [...this.#outbox.keys()]) this.#transmit(id)
    this.#requests.joined(send)
    this.#unread.received(data.read, integer(data.lastSeq))
    this.#window.joined(me.id, integer(data.lastSeq), integer(data.lastRev), text(data.epoch))
    this.#lines.joined(limits.lines)
    for (const thread of this.#threads.values()) thread.open().catch(() => undefined)
    this.#show()
  }

  lost(): void {
    this.#send = undefined
    this.#window.lost()
    this.#requests.lost()
    this.#lines.lost()
    this.#typing.lost()
    for (const typing of this.#typingIn.values()) typing.lost()
    for (const w of this.#outbox.values()) if (w.row.state === 'sending') w.row = inState(w.row, 'queued')
    this.#show()
  }

  event(name: string, fields: Fields): void {
    const e = serverEvent(name, fields)
    switch (e.name) {
      case 'message':
      case 'message.changed':
        this.#receive(e.data)
        break
      case 'sent':
        this.#receive(e.data.message)
        break
      case 'unsent':
        this.#failed(text(e.data.id), refusal(integer(e.data.status), text(e.data.detail) || text(e.data.title)))
        break
      case 'done':
        if (e.data.message !== undefined) this.#receive(e.data.message)
        this.#requests.done(e.data)
        break
      case 'failed':
        this.#requests.failed(e.data)
        break
      case 'line':
        this.#lines.received(e.data)
        return
      case 'typing.thread':
        this.#typingOf(text(e.data.thread)).received(e.data.users)
        return
      case 'typing':
        this.#typing.received(e.data.users)
        return
      default:
        return
    }
    this.#show()
  }

  /** The user has read this room in another tab. */
  readElsewhere(data: Unchecked<ReadEvent>): void { this.#unread.received(data) }

  send(input: string | MessageInput): Promise<Message> {
    const post = typeof input === 'string' ? { text: input } : input
    const id = post.id ?? ulid(this.#o.clock.now())
    const stored = this.#window.byId(id)
    if (stored) return Promise.resolve(stored)
    const known = this.#outbox.get(id)
    if (known) return known.promise
    let resolve!: (m: Message) => void
    let reject!: (err: RoomError) => void
    const promise = new Promise<Message>((yes, no) => { resolve = yes; reject = no })
    promise.catch(() => {}) // the row shows the failure too, so a caller may ignore the promise
    const row = draftMessage(this.#o.room, id, post, this.#me, this.#o.slot(this.#me.id), this.#o.clock.now())
    this.#outbox.set(id, { input: post, row, promise, resolve, reject })
    const typing = post.thread === undefined ? this.#typing : this.#typingOf(post.thread)
    typing.sent()
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

  edit(id: string, words: string): Promise<Message> { return this.#ask({ name: 'edit', id, text: words }) }
  remove(id: string): Promise<Message> { return this.#ask({ name: 'delete', id }) }

  react(id: string, emoji: string, on?: boolean): Promise<Message> {
    const mine = this.messages.get().find((m) => m.id === id)?.reactions.find((r) => r.emoji === emoji)?.mine ?? false
    return this.#ask({ name: 'react', id, emoji, on: on ?? !mine })
  }

  loadOlder(limit?: number): Promise<void> { return this.#window.loadOlder(limit) }

  async reveal(id: string): Promise<boolean> {
    const there = this.#outbox.has(id) || await this.#window.reach(id)
    this.#show()
    return there
  }

  search(q: string, options?: { limit?: number; before?: number }): Promise<readonly Found[]> { return this.#window.search(q, options) }

  markRead(upTo?: number): void {
    const seq = Math.min(upTo ?? Infinity, this.#window.last)
    this.#unread.mark(seq, this.messages.get())
  }

  setTyping(on: boolean): void { this.#typing.set(on) }

  get maxText(): number | undefined { return this.#limits?.text }

  setDraft(patch: { readonly text?: string; readonly quote?: Quote | undefined }): void { this.#draft.set(patch) }

  thread(root: string): ThreadState {
    let thread = this.#threads.get(root)
    if (thread) return thread
    thread = new ThreadState({
      root, draft: this.#draftOf(root), typing: this.#typingOf(root),
      page: (before, limit) => this.#window.replies(root, before, limit),
      message: () => this.#window.message(root),
      held: () => this.messages.get(),
      send: (input) => this.send(input),
    })
    this.#threads.set(root, thread)
    if (this.#send) thread.open().catch((err: unknown) => this.#o.log('warn', 'a thread could not be read', err))
    return thread
  }

  /** The slot or name of a user has become known or has changed. */
  slotsChanged(): void {
    this.#window.peopleChanged()
    this.#show()
  }

  destroy(): void {
    this.#unread.destroy()
    this.lost()
    this.#typing.sent()
    for (const typing of this.#typingIn.values()) typing.sent()
    for (const w of this.#outbox.values()) w.reject(new RoomError('offline', 'the room was left before the message was stored'))
    this.#outbox.clear()
    this.#requests.destroy()
  }

  #typingOf(thread: string): Typing {
    let typing = this.#typingIn.get(thread)
    if (!typing) {
      typing = new Typing(this.#o.clock, (on) => this.#send?.('typing', { on, thread }))
      if (this.#limits) typing.joined(this.#me.id, [], this.#limits.typing)
      this.#typingIn.set(thread, typing)
    }
    return typing
  }

  #draftOf(thread: string): DraftState {
    const draft = new DraftState(this.#o.room, thread, this.#o.keep === true)
    this.#drafts.set(thread, draft)
    if (this.#me.id !== '') draft.belongsTo(this.#me.id)
    return draft
  }

  async #ask(change: Change): Promise<Message> {
    const answer = this.#requests.ask(change)
    this.#show()
    try {
      const id = text(fields<WireMessage>((await answer).message).id)
      const m = this.messages.get().find((x) => x.id === id) ?? await this.#window.message(change.id)
      if (!m) throw new RoomError('not-found', 'there is no such message')
      return m
    } finally {
      this.#show()
    }
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

  #receive(v: unknown): void {
    const m = this.#window.received(v)
    if (!m) return
    this.#unread.arrived(m)
    if (m.thread !== undefined) this.#threads.get(m.thread)?.changed(m)
  }

  #show(): void {
    const stored: Message[] = []
    for (const m of this.#window.all()) {
      const waiting = this.#outbox.get(m.id)
      if (waiting) {
        this.#outbox.delete(m.id)
        waiting.resolve(m)
      }
      stored.push(this.#view(m))
    }
    const next = [...stored, ...[...this.#outbox.values()].map((w) => w.row)]
    const now = this.messages.get()
    if (next.length !== now.length || next.some((m, i) => m !== now[i])) this.messages.set(next)
    for (const thread of this.#threads.values()) thread.show()
  }

  /** A stored message with the changes that wait for an answer applied. The same object while both are the same. */
  #view(m: Stored): Message {
    const refs = this.#requests.size === 0 ? '' : this.#requests.of(m.id)
    if (refs === '') {
      this.#views.delete(m.id)
      return m
    }
    const held = this.#views.get(m.id)
    if (held?.base === m && held.refs === refs) return held.view
    const view = this.#requests.applied(m, this.#me.id)
    this.#views.set(m.id, { base: m, refs, view })
    return view
  }
}
