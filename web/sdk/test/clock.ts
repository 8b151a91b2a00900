import type { Clock } from '../src/clock.ts'

/** A clock that the test moves. */
export class FakeClock implements Clock {
  #now = 1_000_000
  #timers: { at: number; run: () => void }[] = []
  chance = 0.5

  now(): number { return this.#now }
  random(): number { return this.chance }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run }
    this.#timers.push(timer)
    return () => { this.#timers = this.#timers.filter((t) => t !== timer) }
  }

  /** Moves the time and runs the timers that are due, in order. */
  pass(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const next = this.#timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers = this.#timers.filter((t) => t !== next)
      this.#now = Math.max(this.#now, next.at)
      next.run()
    }
    this.#now = end
  }

  get waiting(): number { return this.#timers.length }
}

/** Waits until pending promises and microtasks have run. */
export function settle(): Promise<void> { return new Promise((resolve) => setTimeout(resolve)) }
