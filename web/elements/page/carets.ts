import type { EditorView } from 'prosemirror-view'
import type { Awareness } from 'y-protocols/awareness'
import { shortName } from '../text/index.ts'
import { caretIn, type CaretPosition } from './cursor.ts'
import { clipTop, coordinatesOf, fractionOf, rangeOf } from './geometry.ts'
import { Flash, removeSelections, setSelections } from './highlights.ts'

/** Another person in the page, as far as drawing needs them. */
export interface RemotePerson {
  readonly id: string
  readonly name: string
  readonly slot: number
  readonly isIdle: boolean
}

/** A person and how far down the page they are, from 0 to 1. */
export interface PersonInPage { readonly person: RemotePerson; readonly at: number }

export interface CaretsOptions {
  /** The element, above the text, that the carets are drawn in. */
  readonly layer: HTMLElement
  readonly awareness: Awareness
  /** Returns the person behind a Yjs client id and its awareness state; null draws nothing. */
  readonly person: (client: number, state: { readonly [field: string]: unknown }) => RemotePerson | null
  /** Called after each drawing. */
  readonly onDrawn: (people: readonly PersonInPage[]) => void
}

/** The name at a caret is shown for this long after the caret moved. */
const labelMs = 2500
/** A caret closer than this to the right edge of the page has its label to the left. In CSS pixels. */
const flipWithinPx = 96
/** The height of a label. In CSS pixels. */
const labelPx = 22

/** The elements of one caret. */
interface Caret {
  readonly element: HTMLElement
  readonly label: HTMLElement
  /** The position that was drawn last, to know when the caret moves. */
  lastPosition: string
  hideLabel: ReturnType<typeof setTimeout> | undefined
}

/** What is known of a caret before it is drawn. x and y are relative to the layer, in CSS pixels. */
interface MeasuredCaret {
  readonly person: RemotePerson
  readonly position: CaretPosition
  readonly x: number
  readonly y: number
  readonly height: number
}

/**
 * Draws other people outside the text: selections as CSS highlights, carets in a
 * layer above. Nothing of them is ever a node of the document. Changes within one
 * frame cost one drawing.
 */
export class Carets {
  readonly #options: CaretsOptions
  readonly #carets = new Map<number, Caret>() // by Yjs client id
  readonly #flash = new Flash()
  #view: EditorView | null = null
  #frame = 0 // the requested animation frame; 0 if none is

  constructor(options: CaretsOptions) {
    this.#options = options
    options.awareness.on('change', this.draw)
  }

  /** Sets the view whose document the carets are in. */
  setView(view: EditorView): void {
    this.#view = view
    this.draw()
  }

  /** Draws in the next animation frame. It may be called often. */
  readonly draw = (): void => {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0
      this.#drawNow()
    })
  }

  /** Scrolls to a part of the text and highlights it for a moment. */
  scrollTo({ from, to }: { readonly from: number; readonly to: number }): void {
    const view = this.#view
    if (!view || view.isDestroyed) return
    const { node } = view.domAtPos(from, 1)
    const isReduced = matchMedia('(prefers-reduced-motion: reduce)').matches
    const element = node instanceof Element ? node : node.parentElement
    element?.scrollIntoView({ block: 'center', behavior: isReduced ? 'auto' : 'smooth' })
    const range = rangeOf(view, { anchor: from, head: to })
    if (range) this.#flash.show(range)
  }

  destroy(): void {
    this.#flash.destroy()
    cancelAnimationFrame(this.#frame)
    this.#options.awareness.off('change', this.draw)
    for (const caret of this.#carets.values()) this.#remove(caret)
    this.#carets.clear()
    removeSelections(this)
  }

  /** The position of a person's caret in the document; null if they have none. */
  positionOf(personId: string): number | null {
    if (!this.#view) return null
    for (const [client, state] of this.#others()) {
      if (this.#options.person(client, state)?.id !== personId) continue
      const position = caretIn(this.#view, state)
      if (position) return position.head
    }
    return null
  }

  /** The awareness states of all clients but the reader's own. */
  #others(): [number, { readonly [field: string]: unknown }][] {
    const { awareness } = this.#options
    return [...awareness.getStates()].filter(([client]) => client !== awareness.clientID)
  }

  #drawNow(): void {
    const view = this.#view
    if (!view || view.isDestroyed) return
    // All positions are read before anything is written, so that the browser
    // computes the layout once and not once for each caret.
    const { layer } = this.#options
    const origin = layer.getBoundingClientRect()
    const selections = new Map<number, StaticRange[]>()
    const measured = new Map<number, MeasuredCaret>()
    const withCaret = new Set<number>()
    for (const [client, state] of this.#others()) {
      const person = this.#options.person(client, state)
      if (!person || state['cursor'] == null) continue
      withCaret.add(client) // a caret whose position has not arrived yet stays where it was
      const position = caretIn(view, state)
      if (!position) continue
      const range = rangeOf(view, position)
      if (range) selections.set(person.slot, [...selections.get(person.slot) ?? [], range])
      const box = coordinatesOf(view, position.head)
      if (box) measured.set(client, { person, position, x: box.left - origin.left, y: box.top - origin.top, height: box.bottom - box.top })
    }
    const room = { width: origin.width, top: clipTop(view.dom) - origin.top }
    setSelections(this, selections)
    const names = [...measured.values()].map((m) => m.person.name)
    for (const [client, m] of measured) this.#place(this.#carets.get(client) ?? this.#create(client), m, room, names)
    for (const [client, caret] of this.#carets) {
      if (withCaret.has(client)) continue
      this.#remove(caret)
      this.#carets.delete(client)
    }
    this.#options.onDrawn([...measured.values()].map(({ person, position }) => ({ person, at: fractionOf(view, position.head) })))
  }

  #place(caret: Caret, { person, position, x, y, height }: MeasuredCaret, room: { readonly width: number; readonly top: number }, names: readonly string[]): void {
    const { element, label } = caret
    element.className = `weft-caret c${person.slot}`
    element.dataset['user'] = person.id
    element.toggleAttribute('data-idle', person.isIdle)
    element.toggleAttribute('data-below', y - room.top < labelPx)
    element.toggleAttribute('data-flip', x > room.width - flipWithinPx)
    const name = shortName(person.name, names)
    if (label.textContent !== name) label.textContent = name
    element.style.transform = `translate(${Math.round(x) - 1}px, ${Math.round(y)}px)`
    element.style.blockSize = `${Math.round(height)}px`
    const key = `${position.anchor}:${position.head}`
    if (key === caret.lastPosition) return
    caret.lastPosition = key
    element.toggleAttribute('data-quiet', false)
    clearTimeout(caret.hideLabel)
    caret.hideLabel = setTimeout(() => element.toggleAttribute('data-quiet', true), labelMs)
  }

  #create(client: number): Caret {
    const element = document.createElement('span')
    const label = document.createElement('span')
    label.className = 'label'
    element.setAttribute('part', 'caret')
    label.setAttribute('part', 'label')
    element.append(label)
    this.#options.layer.append(element)
    const caret: Caret = { element, label, lastPosition: '', hideLabel: undefined }
    this.#carets.set(client, caret)
    return caret
  }

  #remove(caret: Caret): void {
    clearTimeout(caret.hideLabel)
    caret.element.remove()
  }
}
