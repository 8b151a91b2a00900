import type { ReactiveController, ReactiveControllerHost } from 'lit'
import { locateQuote, type Message, type QuoteState, type Room } from '@weft/sdk'

/** Quotes are located again this long after a change of the document; changes within the time count as one. */
const delayMs = 400

/** Keeps the states of the quotes on screen: whether the quoted text still stands in the document. */
export class QuoteWatch implements ReactiveController {
  readonly #host: ReactiveControllerHost
  readonly #room: () => Room | null
  readonly #states = new Map<Message['quote'], QuoteState | undefined>()
  #doc: Room['doc'] | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(host: ReactiveControllerHost, room: () => Room | null) {
    this.#host = host
    this.#room = room
    host.addController(this)
  }

  /** The state of a quote; undefined if the quote refers to no place in the document. */
  state(quote: NonNullable<Message['quote']>): QuoteState | undefined {
    if (!this.#states.has(quote)) {
      const doc = this.#room()?.doc
      this.#states.set(quote, doc && locateQuote(doc, quote)?.state)
    }
    return this.#states.get(quote)
  }

  hostUpdate(): void {
    const doc = this.#room()?.doc
    if (doc === this.#doc) return
    this.hostDisconnected()
    this.#doc = doc
    doc?.on('update', this.#onUpdate)
  }

  hostDisconnected(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#doc?.off('update', this.#onUpdate)
    this.#doc = undefined
    this.#states.clear()
  }

  readonly #onUpdate = (): void => {
    if (this.#states.size === 0 || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const doc = this.#doc
      if (!doc) return
      let hasChanged = false
      for (const [quote, before] of this.#states) {
        const now = quote && locateQuote(doc, quote)?.state
        hasChanged ||= now !== before
        this.#states.set(quote, now)
      }
      if (hasChanged) this.#host.requestUpdate()
    }, delayMs)
  }
}
