import type { Clock } from './clock.ts'

/** Doing something is told this often at most; the server calls who is silent for 2 minutes idle. */
const everyMs = 20_000
const signs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'scroll', 'touchstart'] as const

/** Tells when the person does something that the server cannot see, or turns away from this tab. */
export class Activity {
  readonly #clock: Clock
  readonly #tell: (on: boolean) => void
  #toldAt = -everyMs

  constructor(clock: Clock, tell: (on: boolean) => void) {
    this.#clock = clock
    this.#tell = tell
    if (typeof document === 'undefined' || typeof addEventListener === 'undefined') return
    for (const sign of signs) addEventListener(sign, this.sign, { capture: true, passive: true })
    document.addEventListener('visibilitychange', this.#seen)
  }

  readonly sign = (): void => {
    if (this.#clock.now() - this.#toldAt < everyMs) return
    this.#toldAt = this.#clock.now()
    this.#tell(true)
  }

  /** A room was joined, which counts as doing something: a hidden tab does nothing. */
  joined(): void {
    if (hidden()) this.turnedAway(true)
    else this.#toldAt = this.#clock.now()
  }

  turnedAway(on: boolean): void {
    this.#toldAt = on ? this.#clock.now() - everyMs : this.#clock.now()
    this.#tell(!on)
  }

  stop(): void {
    if (typeof document === 'undefined' || typeof removeEventListener === 'undefined') return
    for (const sign of signs) removeEventListener(sign, this.sign, { capture: true })
    document.removeEventListener('visibilitychange', this.#seen)
  }

  readonly #seen = (): void => this.turnedAway(hidden())
}

const hidden = (): boolean => typeof document !== 'undefined' && document.visibilityState === 'hidden'
