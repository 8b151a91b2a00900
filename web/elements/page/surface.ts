import { dropCursor } from 'prosemirror-dropcursor'
import { gapCursor } from 'prosemirror-gapcursor'
import { EditorState, Plugin, Selection } from 'prosemirror-state'
import { Decoration, DecorationSet, EditorView } from 'prosemirror-view'
import { initProseMirrorDoc, ySyncPlugin, yUndoPlugin, yUndoPluginKey } from 'y-prosemirror'
import type { UndoManager, XmlFragment } from 'yjs'
import { pageKeys } from './keys.ts'
import { markdownRules } from './rules.ts'
import { known as ours, safeHref, schemaFor } from './schema.ts'
import { markType } from './types.ts'
import { grew, survey } from './unknown.ts'

export interface SurfaceOptions {
  readonly fragment: XmlFragment
  readonly mount: HTMLElement
  readonly label: string
  readonly placeholder: string
  readonly editable: () => boolean
  /** After each change of text, selection or focus. */
  readonly onUpdate: () => void
  /** On when an input method begins to compose, off when it has ended. */
  readonly onComposing: (on: boolean) => void
}

/** The editing surface: a ProseMirror view bound to a shared fragment. */
export interface Surface {
  readonly view: EditorView
  /** Draws anew what depends on the options, such as `editable`. */
  refresh(): void
  destroy(): void
}

const undoPauseMs = 500

/**
 * Opens the surface. If a peer brings a node or mark that the schema lacks, the
 * view is rebuilt with a larger one before y-prosemirror sees the change, which
 * would otherwise delete it for everybody. `onRebuilt` hears of each new view.
 */
export function openSurface(options: SurfaceOptions, onRebuilt: (view: EditorView) => void): Surface {
  let found = survey(options.fragment, ours)

  const watch = (): void => {
    const now = survey(options.fragment, ours)
    if (!grew(found, now)) return
    found = now
    const focused = view.hasFocus()
    view.destroy()
    view = createView(options, schemaFor(found))
    if (focused) view.focus()
    onRebuilt(view)
  }
  // Yjs calls observers in the order they came: ours stands before any view's.
  options.fragment.observeDeep(watch)
  let view = createView(options, schemaFor(found))

  return {
    get view() { return view },
    refresh: () => view.setProps({}),
    destroy: () => {
      options.fragment.unobserveDeep(watch)
      view.destroy()
    },
  }
}

function createView(options: SurfaceOptions, schema: ReturnType<typeof schemaFor>): EditorView {
  // An empty fragment has no document that the schema allows; then the view
  // starts with an empty paragraph that nobody has written yet.
  const known = options.fragment.length > 0 ? initProseMirrorDoc(options.fragment, schema) : undefined
  const state = EditorState.create({
    schema, doc: known?.doc, selection: known && Selection.atStart(known.doc),
    plugins: [
      ySyncPlugin(options.fragment, { mapping: known?.mapping }), yUndoPlugin(),
      markdownRules(schema), ...pageKeys(schema),
      dropCursor({ color: false, class: 'weft-drop' }), gapCursor(),
      placeholder(options.placeholder), composing(options.onComposing), pasteLink(), ticks(), following(),
      new Plugin({ view: () => ({ update: options.onUpdate }) }),
    ],
  })
  return new EditorView({ mount: options.mount }, {
    state,
    editable: options.editable,
    attributes: () => ({
      role: 'textbox', 'aria-multiline': 'true', 'aria-label': options.label, class: 'weft-surface', dir: 'auto',
      'aria-readonly': String(!options.editable()),
    }),
    handleDOMEvents: {
      focus: () => { options.onUpdate(); return false },
      blur: (v) => { undoManager(v)?.stopCapturing(); options.onUpdate(); return false },
    },
  })
}

const undoManager = (view: EditorView): UndoManager | undefined =>
  (yUndoPluginKey.getState(view.state) as { undoManager?: UndoManager } | undefined)?.undoManager

/** Words in an empty page, drawn by the stylesheet from an attribute. */
function placeholder(text: string): Plugin {
  return new Plugin({
    props: {
      decorations: (state) => {
        const { doc } = state
        const only = doc.firstChild
        if (doc.childCount !== 1 || !only?.isTextblock || only.type.name !== 'paragraph' || only.content.size > 0) return null
        return DecorationSet.create(doc, [Decoration.node(0, only.nodeSize, { class: 'weft-empty', 'data-placeholder': text })])
      },
    },
  })
}

/**
 * An input method's word is one step of undo: without this, undoing it brings
 * back the half-typed kana. The same events tell the room to hold what others
 * write, because a browser loses a composition whose text node is rewritten.
 */
function composing(tell: (on: boolean) => void): Plugin {
  return new Plugin({
    view: (view) => {
      let ending: ReturnType<typeof setTimeout> | undefined
      const start = (): void => {
        clearTimeout(ending)
        const um = undoManager(view)
        um?.stopCapturing()
        if (um) um.captureTimeout = Number.POSITIVE_INFINITY
        tell(true)
      }
      const renew = (): void => tell(true)
      const end = (): void => {
        tell(false)
        ending = setTimeout(() => { // ProseMirror writes the word a moment after the event
          const um = undoManager(view)
          if (um) um.captureTimeout = undoPauseMs
          um?.stopCapturing()
        }, 60)
      }
      const { dom } = view
      dom.addEventListener('compositionstart', start)
      dom.addEventListener('compositionupdate', renew)
      dom.addEventListener('compositionend', end)
      return {
        destroy: () => {
          clearTimeout(ending)
          dom.removeEventListener('compositionstart', start)
          dom.removeEventListener('compositionupdate', renew)
          dom.removeEventListener('compositionend', end)
          tell(false)
        },
      }
    },
  })
}

/** An address pasted over selected words links them. */
function pasteLink(): Plugin {
  return new Plugin({
    props: {
      handlePaste: (view, event) => {
        const text = event.clipboardData?.getData('text/plain').trim() ?? ''
        const { from, to, empty } = view.state.selection
        if (empty || !/^(https?:\/\/|mailto:)\S+$/u.test(text) || safeHref(text) === null) return false
        view.dispatch(view.state.tr.addMark(from, to, markType(view.state.schema, 'link').create({ href: text })))
        return true
      },
    },
  })
}

/** A press on a task's box ticks it. */
function ticks(): Plugin {
  return new Plugin({
    props: {
      handleDOMEvents: {
        change: (view, event) => {
          const box = event.target
          if (!(box instanceof HTMLInputElement) || box.type !== 'checkbox') return false
          const item = box.closest('li')
          const content = item?.querySelector(':scope > div')
          if (!view.editable || !content) {
            box.checked = !box.checked
            return true
          }
          const $pos = view.state.doc.resolve(view.posAtDOM(content, 0))
          for (let depth = $pos.depth; depth > 0; depth--) {
            if ($pos.node(depth).type.name !== 'taskItem') continue
            view.dispatch(view.state.tr.setNodeAttribute($pos.before(depth), 'checked', box.checked))
            break
          }
          return true
        },
      },
    },
  })
}

/** Links open with Ctrl or Cmd, or with a plain click where nobody can write. */
function following(): Plugin {
  return new Plugin({
    props: {
      handleClick: (view, _pos, event) => {
        const link = event.target instanceof Element ? event.target.closest('a[href]') : null
        if (!(link instanceof HTMLAnchorElement) || !(event.metaKey || event.ctrlKey || !view.editable)) return false
        window.open(link.href, '_blank', 'noopener')
        return true
      },
    },
  })
}
