import type { Clock } from './clock.ts'
import { Cell, type Readable } from './readable.ts'
import type { RoomError } from './errors.ts'
import type { Link, LinkReason } from './types.ts'

/** A lost connection is not shown before it has been lost for this long. */
export const quietMs = 3_000
/** A connection that has been lost for this long is shown as offline. */
export const offlineMs = 10_000

/**
 * The state of the connection as it is shown to the user.
 *
 *   idle → connecting → online ─ lost, 3 s → reconnecting ─ at 10 s → offline
 *             └─ 10 s → offline      └──────────── online ────────────┘
 *   any → closed: nothing is retried before connect() is called
 */
export class LinkState {
  readonly #cell = new Cell<Link>({ state: 'idle' })
  readonly readable: Readable<Link> = this.#cell
  readonly #clock: Clock
  #since: number | undefined // when the connection was lost; undefined while it is not
  #attempt = 0
  #nextTryAt: number | null = null
  #reason: LinkReason = 'network'
  #cancel: (() => void) | undefined

  constructor(clock: Clock) { this.#clock = clock }

  get(): Link { return this.#cell.get() }

  /** An attempt to connect begins. While the connection is lost, the state stays as it is. */
  connecting(): void {
    this.#nextTryAt = null
    if (this.#since !== undefined) return this.#show()
    const { state } = this.get()
    if (state === 'online') return
    this.#begin('network')
    this.#cell.set({ state: 'connecting' })
  }

  online(): void {
    this.#end()
    if (this.get().state !== 'online') this.#cell.set({ state: 'online' })
  }

  /** The connection is lost. The next attempt is at `nextTryAt`; null if none is planned. */
  lost(reason: LinkReason, attempt: number, nextTryAt: number | null): void {
    if (this.#since === undefined) this.#begin(reason)
    this.#reason = reason
    this.#attempt = attempt
    this.#nextTryAt = nextTryAt
    this.#show()
  }

  closed(reason: LinkReason, error?: RoomError): void {
    this.#end()
    this.#cell.set(error ? { state: 'closed', reason, error } : { state: 'closed', reason })
  }

  idle(): void {
    this.#end()
    if (this.get().state !== 'idle') this.#cell.set({ state: 'idle' })
  }

  stop(): void { this.#end() }

  #begin(reason: LinkReason): void {
    this.#since = this.#clock.now()
    this.#reason = reason
    this.#attempt = 0
    this.#nextTryAt = null
    this.#wait(quietMs)
  }

  #end(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#since = undefined
  }

  #wait(ms: number): void {
    this.#cancel?.()
    this.#cancel = this.#clock.after(ms, () => {
      this.#show()
      if (this.#since === undefined) return
      const left = this.#since + offlineMs - this.#clock.now()
      if (left > 0) this.#wait(left)
    })
  }

  #show(): void {
    if (this.#since === undefined) return
    const gone = this.#clock.now() - this.#since
    const before = this.get().state
    // The first connection is "connecting" until it has taken offlineMs.
    if (gone < offlineMs && (gone < quietMs || before === 'connecting')) return
    this.#cell.set({
      state: gone >= offlineMs ? 'offline' : 'reconnecting',
      since: this.#since, attempt: this.#attempt, nextTryAt: this.#nextTryAt, reason: this.#reason,
    })
  }
}
