import { LitElement, type PropertyValues } from 'lit'
import type { Readable, Unsubscribe } from '@weft/sdk'

/**
 * The base class of all elements. Elements render Readables of the SDK and make
 * no requests themselves.
 *
 * A subclass lists the Readables that it renders in `sources`. They are subscribed
 * while the element is in the document, and subscribed anew when a property
 * replaces them. Each change renders the element, and `render` calls `get()`.
 */
export abstract class WeftElement extends LitElement {
  readonly #subscriptions = new Map<Readable<unknown>, Unsubscribe>()

  /** The Readables that the next render reads. Called before each render. */
  protected sources(): readonly (Readable<unknown> | undefined)[] {
    return []
  }

  override connectedCallback(): void {
    super.connectedCallback()
    if (this.hasUpdated) this.#subscribe()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const stop of this.#subscriptions.values()) stop()
    this.#subscriptions.clear()
  }

  protected override willUpdate(_changed: PropertyValues): void {
    this.#subscribe()
  }

  /** Subscribes to the current sources and unsubscribes from all others. */
  #subscribe(): void {
    if (!this.isConnected) return
    const wanted = new Set(this.sources().filter((s) => s !== undefined))
    for (const [source, stop] of this.#subscriptions) {
      if (wanted.has(source)) continue
      stop()
      this.#subscriptions.delete(source)
    }
    for (const source of wanted) {
      if (this.#subscriptions.has(source)) continue
      let isFirst = true // subscribe calls back at once, with the value that this render reads anyway
      this.#subscriptions.set(source, source.subscribe(() => { if (!isFirst) this.requestUpdate() }))
      isFirst = false
    }
  }

  /** Dispatches an event that crosses the shadow root. It returns false if the event is cancelable and was cancelled. */
  protected emit<T>(type: string, detail: T, cancelable = false): boolean {
    return this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable }))
  }
}

/** Defines an element unless its tag is taken: if a page loads the library twice, the first copy stays in use. */
export function define(tag: string, element: CustomElementConstructor): void {
  const defined = customElements.get(tag)
  if (!defined) customElements.define(tag, element)
  else if (defined !== element) console.warn(`weft: <${tag}> is already defined; this copy of the element is not used`)
}
