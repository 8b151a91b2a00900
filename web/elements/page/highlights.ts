import { slotCount } from '@weft/sdk'

// CSS custom highlights paint ranges of text without changing the document.
// Browsers before 2025 lack them: there remote selections are not drawn, only carets.
const isSupported = (): boolean => typeof CSS !== 'undefined' && 'highlights' in CSS

/** The highlight of the selections of one slot's people; sheet.ts styles it. */
export const selectionHighlight = (slot: number): string => `weft-c${slot}`

/** The highlight of a text that the reader asked to see; sheet.ts styles it. */
const flashHighlight = 'weft-wash'
const flashMs = 2400

/** The selections of others, by slot, of each page. Highlights belong to the document, which may hold several pages. */
const selections = new Map<object, ReadonlyMap<number, readonly StaticRange[]>>()

/** Replaces the selections that one page shows. */
export function setSelections(page: object, bySlot: ReadonlyMap<number, readonly StaticRange[]>): void {
  selections.set(page, bySlot)
  paintSelections()
}

/** Removes the selections that one page shows. */
export function removeSelections(page: object): void {
  selections.delete(page)
  paintSelections()
}

function paintSelections(): void {
  if (!isSupported()) return
  for (let slot = 0; slot < slotCount; slot++) {
    const ranges = [...selections.values()].flatMap((bySlot) => bySlot.get(slot) ?? [])
    if (ranges.length > 0) CSS.highlights.set(selectionHighlight(slot), new Highlight(...ranges))
    else CSS.highlights.delete(selectionHighlight(slot))
  }
}

/** Highlights a range for a moment. */
export class Flash {
  #timer: ReturnType<typeof setTimeout> | undefined

  show(range: StaticRange): void {
    if (!isSupported()) return
    CSS.highlights.set(flashHighlight, new Highlight(range))
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#end(), flashMs)
  }

  /** Ends the highlight now, if this page shows it. */
  destroy(): void {
    if (this.#timer !== undefined) this.#end()
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (isSupported()) CSS.highlights.delete(flashHighlight)
  }
}
