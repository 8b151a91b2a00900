/** A source of time that tests can replace. Times are milliseconds since 1970. */
export interface Clock {
  now(): number
  /** Calls `run` once, after `ms` milliseconds. The returned function cancels that. */
  after(ms: number, run: () => void): () => void
  /** A random number from 0 up to, but not including, 1. */
  random(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const id = setTimeout(run, Math.min(ms, 0x7fff_ffff)) // a longer timeout would run at once
    return () => clearTimeout(id)
  },
  random: () => Math.random(),
}
