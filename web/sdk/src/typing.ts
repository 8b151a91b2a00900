import type { Clock } from './clock.ts'
import { identities, type Identity } from './events.ts'
import { Cell } from './readable.ts'

const renewMs = 3_000 // the server forgets after 6 s
const restMs = 5_000

/** Who is typing, and that I am. */
export class Typing {
  readonly others = new Cell<readonly Identity[]>([])
  readonly #clock: Clock
  readonly #tell: (on: boolean) => void
  #on = false
  #me = ''
  #renew: (() => void) | undefined
  #rest: (() => void) | undefined

  constructor(clock: Clock, tell: (on: boolean) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  joined(me: string, users: unknown): void {
    this.#me = me
    this.heard(users)
    if (this.#on) this.#tell(true)
  }

  heard(users: unknown): void {
    const next = identities(users).filter((u) => u.id !== this.#me)
    const now = this.others.get()
    if (next.length !== now.length || next.some((u, i) => u.id !== now[i]?.id || u.name !== now[i]?.name)) this.others.set(next)
  }

  lost(): void { this.heard([]) }

  set(on: boolean): void {
    this.#rest?.()
    this.#rest = on ? this.#clock.after(restMs, () => this.set(false)) : undefined
    if (on === this.#on) return
    this.#on = on
    this.#tell(on)
    if (on) this.#again()
    else this.#renew?.()
  }

  /** Sending ends the mark at the server by itself. */
  sent(): void {
    this.#on = false
    this.#rest?.()
    this.#renew?.()
  }

  #again(): void {
    this.#renew = this.#clock.after(renewMs, () => {
      this.#tell(true)
      this.#again()
    })
  }
}
