import { LitElement, type PropertyValues } from 'lit'
import type { Readable, Unsubscribe } from '@weft/sdk'

/**
 * What all elements share: they draw from live values and never fetch.
 *
 * A subclass names the live values it draws from in `sources`. They are
 * subscribed while the element is in the document and followed when a property
 * swaps them, so a render may simply call `get()`.
 */
export abstract class WeftElement extends LitElement {
  readonly #held = new Map<Readable<unknown>, Unsubscribe>()

  /** The live values that the next render reads; called after each change. */
  protected sources(): readonly (Readable<unknown> | undefined)[] {
    return []
  }

  override connectedCallback(): void {
    super.connectedCallback()
    if (this.hasUpdated) this.#follow()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const stop of this.#held.values()) stop()
    this.#held.clear()
  }

  protected override willUpdate(_changed: PropertyValues): void {
    this.#follow()
  }

  #follow(): void {
    if (!this.isConnected) return
    const wanted = new Set(this.sources().filter((s) => s !== undefined))
    for (const [source, stop] of this.#held) {
      if (wanted.has(source)) continue
      stop()
      this.#held.delete(source)
    }
    for (const source of wanted) {
      if (this.#held.has(source)) continue
      let first = true // subscribing calls at once, and this render knows that value
      this.#held.set(source, source.subscribe(() => { if (!first) this.requestUpdate() }))
      first = false
    }
  }

  /** Dispatches an event that leaves the shadow tree; false if a listener refused. */
  protected tell<T>(type: string, detail: T, cancelable = false): boolean {
    return this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable }))
  }
}

/** Defines a tag once; a second copy of the library leaves the first in place. */
export function define(tag: string, element: CustomElementConstructor): void {
  const there = customElements.get(tag)
  if (!there) customElements.define(tag, element)
  else if (there !== element) console.warn(`weft: <${tag}> is already defined; this copy stays unused`)
}
