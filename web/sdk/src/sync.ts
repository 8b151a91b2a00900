import * as Y from 'yjs'
import type { Clock } from './clock.ts'
import type { Body, SyncKind } from './frame.ts'
import type { WireLimits } from './generated/events.ts'
import { Cell, type Readable } from './readable.ts'
import { RoomError } from './errors.ts'

/** Changes within this time count as one burst. */
const burstMs = 1_000
/** Held updates are applied this long after a composition, so that the editor has finished it. */
const releaseMs = 30
/** A composition without an event for this long counts as ended. */
const holdMs = 10_000

/** How far the document is synchronised and stored. SafetyState derives Safety from it. */
export interface SyncState {
  /** The server's document has been merged at least once, on this connection or an earlier one. */
  readonly loaded: boolean
  /** The room is joined and the server's step 1 has been answered: changes are sent at once. */
  readonly flowing: boolean
  /** Bursts of local changes that are not known to be durable. */
  readonly pending: number
  /** When the oldest of these bursts began; 0 if there is none. */
  readonly since: number
  /** Document messages sent since the join that are not acked. */
  readonly unacked: number
  /** Why the server would not store the changes of this document. */
  readonly refused: RoomError | undefined
}

/** A burst of local changes. `n` is the number of the message that has the last of them; Infinity if none was sent. */
interface Burst { readonly at: number; n: number }

/**
 * Binds a document to a channel. An ack of `n` says that the first n document
 * messages since the join are durable; a burst is safe when its last message is.
 * After a reconnect all unacked bursts are sent again, in the step 2.
 */
export class DocSync {
  readonly doc: Y.Doc
  readonly #clock: Clock
  readonly #cell = new Cell<SyncState>({ loaded: false, flowing: false, pending: 0, since: 0, unacked: 0, refused: undefined })
  readonly state: Readable<SyncState> = this.#cell
  readonly #onUpdate: (update: Uint8Array, origin: unknown) => void
  #send: ((body: Body) => void) | undefined
  #limits: Pick<WireLimits, 'update' | 'step2'> = { update: 0, step2: 0 } // of the server; known once joined
  #mayWrite = true
  #stateVector: Uint8Array | undefined // from the server's last step 1; undefined before the first of this join
  #sent = 0
  #acked = 0
  #loaded = false
  #refused: RoomError | undefined
  #bursts: Burst[] = []
  #held: { kind: 1 | 2; bytes: Uint8Array }[] = []
  #holding = false
  #cancelHold: (() => void) | undefined

  constructor(doc: Y.Doc, clock: Clock) {
    this.doc = doc
    this.#clock = clock
    if (doc.store.clients.size > 0) this.#bursts.push({ at: clock.now(), n: Infinity })
    this.#onUpdate = (update, origin) => { if (origin !== this) this.#changed(update) }
    doc.on('update', this.#onUpdate)
    this.#show()
  }

  /** The room has been joined: `send` goes to its channel. `limits` are the server's, in bytes of an update. */
  joined(send: (body: Body) => void, mayWrite: boolean, limits: Pick<WireLimits, 'update' | 'step2'>): void {
    this.lost()
    this.#send = send
    this.#limits = limits
    this.#mayWrite = mayWrite
    this.#refused = undefined
    this.#check()
    send({ type: 0, kind: 0, bytes: Y.encodeStateVector(this.doc) })
    this.#show()
  }

  /** The channel is lost. */
  lost(): void {
    this.#send = undefined
    this.#sent = this.#acked = 0
    this.#stateVector = undefined
    for (const b of this.#bursts) b.n = Infinity
    this.#show()
  }

  receive(kind: SyncKind, bytes: Uint8Array): void {
    if (kind === 0) return this.#answer(bytes)
    if (this.#holding) this.#held.push({ kind, bytes })
    else this.#apply(kind, bytes)
  }

  acked(n: number): void {
    if (n <= this.#acked || n > this.#sent) return
    this.#acked = n
    this.#bursts = this.#bursts.filter((b) => b.n > n)
    this.#show()
  }

  /** See Room.holdUpdates. */
  hold(on: boolean): void {
    if (!on && !this.#holding) return
    this.#holding = true // also during releaseMs, before the updates are applied
    this.#cancelHold?.()
    this.#cancelHold = this.#clock.after(on ? holdMs : releaseMs, () => this.#release())
  }

  destroy(): void {
    this.#cancelHold?.()
    this.#release()
    this.#send = undefined
    this.doc.off('update', this.#onUpdate)
  }

  #release(): void {
    this.#holding = false
    const held = this.#held
    this.#held = []
    if (held.length === 0) return
    Y.transact(this.doc, () => {
      for (const h of held) this.#apply(h.kind, h.bytes)
    }, this, false)
  }

  #answer(stateVector: Uint8Array): void {
    if (!this.#send) return
    const bytes = Y.encodeStateAsUpdate(this.doc, stateVector)
    if (bytes.length > this.#limits.step2) return this.#tooLarge()
    this.#stateVector = stateVector.slice() // it may be a view into a frame
    this.#out(1, bytes)
    for (const b of this.#bursts) b.n = this.#sent
    this.#show()
  }

  #apply(kind: 1 | 2, bytes: Uint8Array): void {
    Y.applyUpdate(this.doc, bytes, this)
    if (kind !== 1) return
    this.#loaded = true
    this.#show()
  }

  #changed(update: Uint8Array): void {
    const at = this.#clock.now()
    let burst = this.#bursts.at(-1)
    if (!burst || at - burst.at >= burstMs) {
      burst = { at, n: Infinity }
      this.#bursts.push(burst)
    }
    burst.n = Infinity
    this.#check()
    if (this.#send && this.#stateVector && !this.#refused) {
      // The server takes more in a step 2 than in an update. This one answers the
      // last step 1 again, so it also holds everything sent since then: whatever
      // the server counts it as an answer to, nothing is missing from it.
      if (update.length > this.#limits.update) return this.#answer(this.#stateVector)
      this.#out(2, update)
      burst.n = this.#sent
    }
    this.#show()
  }

  #out(kind: 1 | 2, bytes: Uint8Array): void {
    this.#send?.({ type: 0, kind, bytes })
    this.#sent++
  }

  #tooLarge(): void {
    this.#refused = new RoomError('too-large', 'this change is larger than the server accepts')
    this.#show()
  }

  #check(): void {
    if (!this.#mayWrite && this.#bursts.length > 0) {
      this.#refused = new RoomError('forbidden', 'you may read this document but not change it')
    }
  }

  #show(): void {
    const next: SyncState = {
      loaded: this.#loaded,
      flowing: this.#send !== undefined && this.#stateVector !== undefined,
      pending: this.#bursts.length,
      since: this.#bursts[0]?.at ?? 0,
      // The step 2 of a reader may have old deletions; the server drops it without an ack.
      unacked: this.#mayWrite ? this.#sent - this.#acked : 0,
      refused: this.#refused,
    }
    const now = this.#cell.get()
    if ((Object.keys(next) as (keyof SyncState)[]).some((k) => next[k] !== now[k])) this.#cell.set(next)
  }
}
