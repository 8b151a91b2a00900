import type { ReactiveController, ReactiveControllerHost } from 'lit'
import { locateQuote, type Message, type QuoteState, type Room } from '@weft/sdk'

const restMs = 400

/** What has become of the quotes on screen; looks anew a moment after the document changed. */
export class QuoteWatch implements ReactiveController {
  readonly #host: ReactiveControllerHost
  readonly #room: () => Room | null
  readonly #states = new Map<Message['quote'], QuoteState | undefined>()
  #watched: Room['doc'] | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(host: ReactiveControllerHost, room: () => Room | null) {
    this.#host = host
    this.#room = room
    host.addController(this)
  }

  /** Undefined if the quote names no place in the document. */
  state(quote: NonNullable<Message['quote']>): QuoteState | undefined {
    if (!this.#states.has(quote)) {
      const doc = this.#room()?.doc
      this.#states.set(quote, doc && locateQuote(doc, quote)?.state)
    }
    return this.#states.get(quote)
  }

  hostUpdate(): void {
    const doc = this.#room()?.doc
    if (doc === this.#watched) return
    this.hostDisconnected()
    this.#watched = doc
    doc?.on('update', this.#changed)
  }

  hostDisconnected(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#watched?.off('update', this.#changed)
    this.#watched = undefined
    this.#states.clear()
  }

  readonly #changed = (): void => {
    if (this.#states.size === 0 || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const doc = this.#watched
      if (!doc) return
      let other = false
      for (const [quote, before] of this.#states) {
        const now = quote && locateQuote(doc, quote)?.state
        other ||= now !== before
        this.#states.set(quote, now)
      }
      if (other) this.#host.requestUpdate()
    }, restMs)
  }
}
