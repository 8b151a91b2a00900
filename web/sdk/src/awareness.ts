import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import type { Clock } from './clock.ts'
import type { Body } from './frame.ts'
import { colors } from './palette.ts'

const throttleMs = 60

export interface AwarenessUser {
  readonly id: string
  readonly name: string
  /** `#rrggbb`. */
  readonly color: string
  readonly colorLight: string
  readonly slot: number
}

interface Change { added: number[]; updated: number[]; removed: number[] }

/** Binds a y-protocols Awareness, which holds carets and selections, to a channel. */
export class AwarenessSync {
  readonly awareness: Awareness
  readonly #clock: Clock
  #send: ((body: Body) => void) | undefined
  #user: AwarenessUser | undefined
  #sentAt = 0
  #cancel: (() => void) | undefined
  readonly #onUpdate = (change: Change): void => this.#changed(change)

  constructor(doc: Y.Doc, clock: Clock) {
    this.#clock = clock
    this.awareness = new Awareness(doc)
    this.awareness.on('update', this.#onUpdate)
  }

  joined(send: (body: Body) => void, me: { id: string; name: string; slot: number }): void {
    this.#user = { id: me.id, name: me.name, ...colors(me.slot), slot: me.slot }
    // A new clock: others have removed our state at the old one and would ignore it.
    const state = this.awareness.getLocalState()
    if (state) this.awareness.setLocalState({ ...state, user: this.#user })
    this.#send = send
    this.#flush()
  }

  /** The connection is lost: the states of all others are removed. */
  lost(): void {
    this.#send = undefined
    this.#cancel?.()
    this.#cancel = undefined
    const others = [...this.awareness.getStates().keys()].filter((id) => id !== this.awareness.clientID)
    if (others.length > 0) removeAwarenessStates(this.awareness, others, this)
    // Their clocks are removed too: after a reconnect the server sends each state
    // with the clock it had, and a clock that is not newer would be ignored.
    for (const id of [...this.awareness.meta.keys()]) if (id !== this.awareness.clientID) this.awareness.meta.delete(id)
  }

  receive(bytes: Uint8Array): void {
    applyAwarenessUpdate(this.awareness, bytes, this)
  }

  /** The room asks for our state. */
  queried(): void { this.#flush() }

  destroy(): void {
    this.awareness.setLocalState(null)
    this.#flush()
    this.lost()
    this.awareness.off('update', this.#onUpdate)
    this.awareness.destroy()
  }

  #changed({ added, updated, removed }: Change): void {
    const me = this.awareness.clientID
    // The states of others are not sent back. Ours may come as removed: then it is sent again.
    if (![added, updated, removed].some((ids) => ids.includes(me))) return
    const state = this.awareness.getLocalState()
    // Some bindings replace the whole state: the user is set again in the same tick.
    if (state && this.#user && !sameUser(state['user'], this.#user)) {
      this.awareness.setLocalStateField('user', this.#user)
      return
    }
    if (this.#cancel) return
    const wait = this.#sentAt + throttleMs - this.#clock.now()
    if (wait <= 0) this.#flush()
    else this.#cancel = this.#clock.after(wait, () => this.#flush())
  }

  #flush(): void {
    this.#cancel?.()
    this.#cancel = undefined
    if (!this.#send || !this.awareness.meta.has(this.awareness.clientID)) return
    this.#sentAt = this.#clock.now()
    this.#send({ type: 1, bytes: encodeAwarenessUpdate(this.awareness, [this.awareness.clientID]) })
  }
}

function sameUser(held: unknown, user: AwarenessUser): boolean {
  return typeof held === 'object' && held !== null && Object.entries(user).every(([k, v]) => (held as Record<string, unknown>)[k] === v)
}
