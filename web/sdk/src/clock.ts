/** Time, so that tests can own it. Milliseconds since 1970. */
export interface Clock {
  now(): number
  /** Runs once, after `ms`. The returned function cancels. */
  after(ms: number, run: () => void): () => void
  /** From 0 up to, not including, 1. */
  random(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const id = setTimeout(run, Math.min(ms, 0x7fff_ffff)) // more would run at once
    return () => clearTimeout(id)
  },
  random: () => Math.random(),
}
