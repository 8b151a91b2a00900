import type { Clock } from './clock.ts'
import { identities } from './events.ts'
import type { WireUser } from './generated/events.ts'
import { Cell } from './readable.ts'

const restMs = 5_000

/** Who is typing in one conversation, and the user's own typing mark. */
export class Typing {
  readonly others = new Cell<readonly WireUser[]>([])
  readonly #clock: Clock
  readonly #send: (on: boolean) => void
  #on = false
  #standsMs = 0 // 0 before the first join
  #me = ''
  #renew: (() => void) | undefined
  #rest: (() => void) | undefined

  constructor(clock: Clock, send: (on: boolean) => void) {
    this.#clock = clock
    this.#send = send
  }

  /** `standsMs` is how long the server keeps a typing mark that is not renewed. */
  joined(me: string, users: unknown, standsMs: number): void {
    this.#me = me
    this.#standsMs = standsMs
    this.received(users)
    if (!this.#on) return
    this.#send(true)
    this.#renew?.()
    this.#again()
  }

  received(users: unknown): void {
    const next = identities(users).filter((u) => u.id !== this.#me)
    const now = this.others.get()
    if (next.length !== now.length || next.some((u, i) => u.id !== now[i]?.id || u.name !== now[i]?.name)) this.others.set(next)
  }

  lost(): void { this.received([]) }

  set(on: boolean): void {
    this.#rest?.()
    this.#rest = on ? this.#clock.after(restMs, () => this.set(false)) : undefined
    if (on === this.#on) return
    this.#on = on
    this.#send(on)
    if (on) this.#again()
    else this.#renew?.()
  }

  /** A message was sent, which ends the typing mark on the server too. */
  sent(): void {
    this.#on = false
    this.#rest?.()
    this.#renew?.()
  }

  /** Renews the mark while it is on, twice as often as the server needs. */
  #again(): void {
    if (this.#standsMs === 0) return
    this.#renew = this.#clock.after(this.#standsMs / 2, () => {
      this.#send(true)
      this.#again()
    })
  }
}
