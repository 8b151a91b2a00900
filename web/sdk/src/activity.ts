import type { Clock } from './clock.ts'

/** Activity is reported at most this often. The server calls a person idle after 2 minutes without it. */
const everyMs = 20_000
const signs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'scroll', 'touchstart'] as const

/** Reports activity that the server cannot see, such as scrolling, and that the tab was hidden or shown. */
export class Activity {
  readonly #clock: Clock
  readonly #report: (on: boolean) => void
  #reportedAt = -everyMs

  constructor(clock: Clock, report: (on: boolean) => void) {
    this.#clock = clock
    this.#report = report
    if (typeof document === 'undefined' || typeof addEventListener === 'undefined') return
    for (const sign of signs) addEventListener(sign, this.sign, { capture: true, passive: true })
    document.addEventListener('visibilitychange', this.#seen)
  }

  readonly sign = (): void => {
    if (this.#clock.now() - this.#reportedAt < everyMs) return
    this.#reportedAt = this.#clock.now()
    this.#report(true)
  }

  /** A room was joined. The server counts that as activity, so a hidden tab reports that it is not active. */
  joined(): void {
    if (hidden()) this.turnedAway(true)
    else this.#reportedAt = this.#clock.now()
  }

  turnedAway(on: boolean): void {
    this.#reportedAt = on ? this.#clock.now() - everyMs : this.#clock.now()
    this.#report(!on)
  }

  stop(): void {
    if (typeof document === 'undefined' || typeof removeEventListener === 'undefined') return
    for (const sign of signs) removeEventListener(sign, this.sign, { capture: true })
    document.removeEventListener('visibilitychange', this.#seen)
  }

  readonly #seen = (): void => this.turnedAway(hidden())
}

const hidden = (): boolean => typeof document !== 'undefined' && document.visibilityState === 'hidden'
