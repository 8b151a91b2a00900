import { integer, text, type SendEvent, type Unchecked } from './events.ts'
import type { ClientEvents } from './generated/commands.ts'
import type { DoneEvent, FailedEvent } from './generated/events.ts'
import { refusal } from './http.ts'
import { RoomError } from './errors.ts'
import type { Message } from './types.ts'

/** A change of a stored message. */
export type Change =
  | { readonly name: 'edit'; readonly id: string; readonly text: string }
  | { readonly name: 'delete'; readonly id: string }
  | { readonly name: 'react'; readonly id: string; readonly emoji: string; readonly on: boolean }
export type Request = Change | { readonly name: 'read'; readonly seq: number }

interface Waiting {
  readonly request: Request
  readonly resolve: (answer: Unchecked<DoneEvent>) => void
  readonly reject: (err: RoomError) => void
}

/**
 * Requests to the chat that have not been answered yet. Repeating a request that
 * was carried out is harmless, so all of them are sent again after a reconnect.
 */
export class Requests {
  #next = 1
  #send: SendEvent | undefined
  readonly #waiting = new Map<string, Waiting>()

  get size(): number { return this.#waiting.size }

  joined(send: SendEvent): void {
    this.#send = send
    for (const [ref, w] of this.#waiting) this.#transmit(ref, w.request)
  }

  lost(): void { this.#send = undefined }

  /** Sends a request, now or after the next join. The promise resolves when the change is stored. */
  ask(request: Request): Promise<Unchecked<DoneEvent>> {
    const ref = String(this.#next++)
    const answer = new Promise<Unchecked<DoneEvent>>((resolve, reject) => this.#waiting.set(ref, { request, resolve, reject }))
    answer.catch(() => {}) // a caller may ignore the promise
    this.#transmit(ref, request)
    return answer
  }

  done(data: Unchecked<DoneEvent>): void { this.#take(data)?.resolve(data) }

  failed(data: Unchecked<FailedEvent>): void {
    const wait = integer(data.retryAfter)
    this.#take(data)?.reject(refusal(integer(data.status), text(data.detail) || text(data.title), wait > 0 ? wait * 1000 : undefined))
  }

  /** The refs of the waiting changes of a message, in one string that is equal while they are the same. */
  of(id: string): string {
    let refs = ''
    for (const [ref, { request }] of this.#waiting) if (request.name !== 'read' && request.id === id) refs += `${ref} `
    return refs
  }

  /** The message with all its waiting changes applied. */
  applied(m: Message, me: string): Message {
    let now = m
    for (const { request } of this.#waiting.values()) if (request.name !== 'read' && request.id === m.id) now = apply(now, request, me)
    return now
  }

  destroy(): void {
    const gone = new RoomError('offline', 'the room was left before this was stored')
    for (const w of this.#waiting.values()) w.reject(gone)
    this.#waiting.clear()
  }

  #take(data: { readonly ref?: unknown }): Waiting | undefined {
    const ref = text(data.ref)
    const w = this.#waiting.get(ref)
    this.#waiting.delete(ref)
    return w
  }

  #transmit(ref: string, request: Request): void {
    const { name, ...rest } = request
    this.#send?.(name, { ref, ...rest } as ClientEvents[typeof name])
  }
}

function apply(m: Message, change: Change, me: string): Message {
  switch (change.name) {
    case 'edit': return { ...m, text: change.text, parts: [{ type: 'text', text: change.text }], state: 'sending' }
    case 'delete': {
      const { quote: _, ...rest } = m
      return { ...rest, text: '', parts: [], mentions: [], reactions: [], deleted: true, mentionsMe: false }
    }
    case 'react': {
      const held = m.reactions.find((r) => r.emoji === change.emoji)
      const users = (held?.users ?? []).filter((u) => u !== me).concat(change.on ? me : [])
      const next = { emoji: change.emoji, users, mine: change.on }
      const reactions = held ? m.reactions.map((r) => r === held ? next : r) : [...m.reactions, next]
      return { ...m, reactions: reactions.filter((r) => r.users.length > 0) }
    }
  }
}
