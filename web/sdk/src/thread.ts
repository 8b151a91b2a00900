import type { DraftState } from './drafts.ts'
import { Cell } from './readable.ts'
import type { Typing } from './typing.ts'
import type { Message, MessageInput, Quote, Thread } from './types.ts'

const pageSize = 100

export interface ThreadDeps {
  readonly root: string
  readonly draft: DraftState
  readonly typing: Typing
  /** Reads a page of the replies: the newest, or those before a seq if `before` is not 0. */
  readonly page: (before: number, limit: number) => Promise<readonly Message[]>
  readonly message: () => Promise<Message | undefined>
  /** The messages that the chat holds, oldest first: the message and its replies are among them. */
  readonly held: () => readonly Message[]
  readonly send: (input: MessageInput) => Promise<Message>
}

/** The replies to one message. */
export class ThreadState implements Thread {
  readonly root: Cell<Message | undefined>
  readonly replies = new Cell<readonly Message[]>([])
  readonly hasOlder = new Cell(false)
  readonly loading = new Cell(true)
  readonly draft
  readonly typing
  readonly #d: ThreadDeps
  readonly #read = new Map<number, Message>() // replies read in pages, by seq: the chat's window may begin later
  #from = Infinity
  #older: Promise<void> | undefined

  constructor(deps: ThreadDeps) {
    this.#d = deps
    this.root = new Cell<Message | undefined>(undefined)
    this.draft = deps.draft.draft
    this.typing = deps.typing.others
    this.show()
  }

  /** Reads the newest replies. It is called again after a reconnect, since the window may have dropped some. */
  async open(): Promise<void> {
    const page = await this.#d.page(0, pageSize)
    this.hasOlder.set(page.length === pageSize)
    this.#take(page)
    this.loading.set(false)
    if (!this.root.get()) this.root.set(await this.#d.message())
  }

  loadOlder(): Promise<void> {
    return this.#older ??= this.#loadOlder().finally(() => { this.#older = undefined })
  }

  send(input: string | MessageInput): Promise<Message> {
    return this.#d.send({ ...(typeof input === 'string' ? { text: input } : input), thread: this.#d.root })
  }

  setTyping(on: boolean): void { this.#d.typing.set(on) }

  setDraft(patch: { readonly text?: string; readonly quote?: Quote | undefined }): void { this.#d.draft.set(patch) }

  /** A reply was stored or has changed. */
  changed(m: Message): void {
    if (m.seq !== undefined) this.#read.set(m.seq, m)
  }

  show(): void {
    const held = this.#d.held()
    this.root.set(held.find((m) => m.id === this.#d.root) ?? this.root.get())
    const all = new Map<number | string, Message>(this.#read)
    for (const m of held) if (m.thread === this.#d.root) all.set(m.seq ?? m.id, m)
    const next = [...all.values()].sort((a, b) => (a.seq ?? Infinity) - (b.seq ?? Infinity) || 0)
    const now = this.replies.get()
    if (next.length !== now.length || next.some((m, i) => m !== now[i])) this.replies.set(next)
  }

  async #loadOlder(): Promise<void> {
    if (!this.hasOlder.get()) return
    const page = await this.#d.page(this.#from, pageSize)
    this.hasOlder.set(page.length === pageSize)
    this.#take(page)
  }

  #take(page: readonly Message[]): void {
    for (const m of page) this.changed(m)
    this.#from = Math.min(this.#from, ...page.map((m) => m.seq ?? Infinity))
    this.show()
  }
}
