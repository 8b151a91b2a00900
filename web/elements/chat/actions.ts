import type { ReactiveElement } from 'lit'
import type { Message, Room } from '@weft/sdk'

/**
 * What a reader can do with a message. `react` and `remove` open a part below the
 * row (the emoji, or the question whether to delete), `confirm-remove` deletes, and
 * `close` closes that part.
 */
export type Action = 'react' | 'reply' | 'edit' | 'remove' | 'confirm-remove' | 'close' | 'retry' | 'discard' | 'copy'

/** The row that has a part open below its text, and which part; null if no row has. */
export type OpenPart = { readonly id: string; readonly what: 'react' | 'remove' } | null

export interface ActionsHost extends ReactiveElement {
  readonly room: Room | null
}

export interface ActionsOptions {
  /** Focuses the row of a message, or the first element in it that matches the selector, once it is drawn. */
  focusIn(id: string, selector: string): void
  openThread(root: string): void
  edit(m: Message): void
}

/** Carries out what the reader does with messages. */
export class MessageActions {
  readonly #host: ActionsHost
  readonly #options: ActionsOptions
  #open: OpenPart = null
  #error = ''

  constructor(host: ActionsHost, options: ActionsOptions) {
    this.#host = host
    this.#options = options
  }

  get open(): OpenPart { return this.#open }

  /** Why the last change was refused; empty if it was not. */
  get error(): string { return this.#error }

  run(action: Action, m: Message): void {
    const chat = this.#host.room?.chat
    const before = this.#open
    this.#setOpen(null)
    switch (action) {
      case 'react':
        if (before?.id === m.id && before.what === 'react') return // pressed again: it only closes
        this.#setOpen({ id: m.id, what: 'react' })
        return this.#options.focusIn(m.id, '.picker button')
      case 'remove':
        this.#setOpen({ id: m.id, what: 'remove' })
        return this.#options.focusIn(m.id, '.confirm button')
      case 'close': return this.#options.focusIn(m.id, '')
      case 'reply': return this.#options.openThread(m.id)
      case 'edit': return this.#options.edit(m)
      case 'confirm-remove':
        this.#options.focusIn(m.id, '')
        return this.#showError(chat?.remove(m.id))
      case 'retry': return void chat?.retry(m.id).catch(() => undefined) // the row shows the new error
      case 'discard': return chat?.discard(m.id)
      case 'copy': return void navigator.clipboard.writeText(m.text).catch(() => undefined)
    }
  }

  /** Adds the reader's reaction, or removes it. */
  react(m: Message, emoji: string): void {
    if (this.#open?.id === m.id) this.run('close', m)
    this.#showError(this.#host.room?.chat.react(m.id, emoji))
  }

  /** Changes the text of a message. */
  changeText(id: string, text: string): void {
    this.#showError(this.#host.room?.chat.edit(id, text))
  }

  /** The SDK shows a change at once and takes it back if the server refuses; then the reader is told why. */
  #showError(change: Promise<unknown> | undefined): void {
    this.#setError('')
    change?.catch((err: unknown) => this.#setError(err instanceof Error ? err.message : ''))
  }

  #setError(error: string): void {
    this.#error = error
    this.#host.requestUpdate()
  }

  #setOpen(open: OpenPart): void {
    this.#open = open
    this.#host.requestUpdate()
  }
}
