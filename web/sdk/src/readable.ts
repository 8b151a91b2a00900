export type Unsubscribe = () => void

/**
 * A live value. `subscribe` calls its function at once, and then after changes, at
 * most once per microtask. It has the contract of a Svelte store, and fits
 * useSyncExternalStore(r.subscribe, r.get). Both functions work without `this`.
 */
export interface Readable<T> {
  readonly get: () => T
  readonly subscribe: (run: (value: T) => void) => Unsubscribe
}

/** A Readable that its owner sets. Setting the value that it has already is no change. */
export class Cell<T> implements Readable<T> {
  #value: T
  #runs = new Set<(value: T) => void>()
  #scheduled = false // a microtask will notify the subscribers
  readonly #watched: ((on: boolean) => void) | undefined

  /** `watched` is called with true for the first subscriber, and with false when the last one has left. */
  constructor(value: T, watched?: (on: boolean) => void) {
    this.#value = value
    this.#watched = watched
  }

  readonly get = (): T => this.#value

  readonly subscribe = (run: (value: T) => void): Unsubscribe => {
    const own = (value: T): void => run(value) // the same function may subscribe twice
    this.#runs.add(own)
    if (this.#runs.size === 1) this.#watched?.(true)
    own(this.#value)
    return () => {
      if (this.#runs.delete(own) && this.#runs.size === 0) this.#watched?.(false)
    }
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    if (this.#scheduled || this.#runs.size === 0) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      for (const run of [...this.#runs]) if (this.#runs.has(run)) run(this.#value)
    })
  }
}

type Values<S extends readonly Readable<unknown>[]> = { [K in keyof S]: S[K] extends Readable<infer T> ? T : never }

/**
 * A Readable computed from others. It computes only while it has subscribers or
 * when get() is called, and again only when a source has another value.
 */
export function derived<const S extends readonly Readable<unknown>[], T>(sources: S, make: (...values: Values<S>) => T): Readable<T> {
  let inputs: readonly unknown[] | undefined
  let value: T
  const get = (): T => {
    const now = sources.map((s) => s.get())
    if (!inputs || now.some((v, i) => !Object.is(v, inputs![i]))) {
      inputs = now
      value = make(...(now as Values<S>))
    }
    return value
  }
  const subscribe = (run: (value: T) => void): Unsubscribe => {
    let last = get()
    run(last)
    const check = (): void => {
      const next = get()
      if (Object.is(next, last)) return
      last = next
      run(next)
    }
    const ends = sources.map((s) => s.subscribe(check))
    return () => ends.forEach((end) => end())
  }
  return { get, subscribe }
}
