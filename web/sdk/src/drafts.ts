import { fields, isFields, text } from './events.ts'
import { Cell } from './readable.ts'
import type { Draft, Quote } from './types.ts'

const empty: Draft = { text: '' }

/**
 * The text and quote that the user has begun to write in one conversation. Every
 * change is stored on this device at once, so a reload or a crash loses nothing.
 */
export class DraftState {
  readonly draft: Cell<Draft>
  readonly #key: string | undefined
  #me = ''

  /** `thread` is empty for the room's main conversation. Without `keep` the draft lives as long as the page. */
  constructor(room: string, thread: string, keep: boolean) {
    this.#key = keep ? `weft.draft:${room}${thread === '' ? '' : `#${thread}`}` : undefined
    this.draft = new Cell(this.#load().draft)
  }

  /** Shows the stored draft of this user. The draft of another user of this device stays hidden. */
  belongsTo(me: string): void {
    this.#me = me
    const { by } = this.#load()
    if (by !== '' && by !== me) this.set({ text: '', quote: undefined })
  }

  /** Changes the members that `patch` has; `quote: undefined` removes the quote. */
  set(patch: { readonly text?: string; readonly quote?: Quote | undefined }): void {
    const now = this.draft.get()
    const quote = 'quote' in patch ? patch.quote : now.quote
    const words = patch.text ?? now.text
    if (words === now.text && quote === now.quote) return
    const next: Draft = words === '' && quote === undefined ? empty : { text: words, ...(quote === undefined ? {} : { quote }) }
    this.draft.set(next)
    if (this.#key === undefined) return
    try {
      if (next === empty) localStorage.removeItem(this.#key)
      else localStorage.setItem(this.#key, JSON.stringify({ ...next, by: this.#me }))
    } catch { /* full or forbidden: it stays on this page */ }
  }

  #load(): { draft: Draft; by: string } {
    let stored: unknown
    try {
      stored = this.#key === undefined ? undefined : JSON.parse(localStorage.getItem(this.#key) ?? 'null')
    } catch { /* forbidden, or not ours */ }
    const f = fields(stored)
    const quote = isFields(f['quote']) ? f['quote'] as Quote : undefined
    const draft = text(f['text']) === '' && !quote ? empty : { text: text(f['text']), ...(quote ? { quote } : {}) }
    return { draft, by: text(f['by']) }
  }
}
