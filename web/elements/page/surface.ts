import { dropCursor } from 'prosemirror-dropcursor'
import { gapCursor } from 'prosemirror-gapcursor'
import { EditorState, Plugin, Selection } from 'prosemirror-state'
import { Decoration, DecorationSet, EditorView } from 'prosemirror-view'
import { initProseMirrorDoc, ySyncPlugin, yUndoPlugin, yUndoPluginKey } from 'y-prosemirror'
import type { UndoManager, XmlFragment } from 'yjs'
import { pageKeys } from './keys.ts'
import { markdownRules } from './rules.ts'
import { knownTypes, safeHref, schemaFor } from './schema.ts'
import { markType } from './types.ts'
import { findUnknown, hasGrown } from './unknown.ts'

export interface SurfaceOptions {
  /** The shared text. */
  readonly fragment: XmlFragment
  /** The element that becomes the editing surface. */
  readonly mount: HTMLElement
  /** What a screen reader calls the text. */
  readonly label: string
  /** What an empty page shows. */
  readonly placeholder: string
  readonly editable: () => boolean
  /** Called after each change of text, selection or focus. */
  readonly onUpdate: () => void
  /** Called with true when an input method begins to compose, and with false when it has ended. */
  readonly onComposing: (isComposing: boolean) => void
}

/** The editing surface: a ProseMirror view bound to a shared fragment. */
export interface Surface {
  readonly view: EditorView
  /** Applies options whose values have changed, such as `editable`. */
  refresh(): void
  destroy(): void
}

/** Edits closer together than this are one step of undo. Yjs has the same default. */
const undoGroupMs = 500

/**
 * Opens the surface. If a peer adds a node or mark that the schema lacks, the view
 * is rebuilt with a schema that has it, before y-prosemirror sees the change:
 * y-prosemirror would delete it from the shared document, for everybody.
 * `onRebuilt` is called with each new view.
 */
export function openSurface(options: SurfaceOptions, onRebuilt: (view: EditorView) => void): Surface {
  let unknown = findUnknown(options.fragment, knownTypes)

  const rebuildIfNeeded = (): void => {
    const now = findUnknown(options.fragment, knownTypes)
    if (!hasGrown(unknown, now)) return
    unknown = now
    const hadFocus = view.hasFocus()
    view.destroy()
    view = createView(options, schemaFor(unknown))
    if (hadFocus) view.focus()
    onRebuilt(view)
  }
  // Yjs calls observers in the order of their registration: this one comes before any view's.
  options.fragment.observeDeep(rebuildIfNeeded)
  let view = createView(options, schemaFor(unknown))

  return {
    get view() { return view },
    refresh: () => view.setProps({}),
    destroy: () => {
      options.fragment.unobserveDeep(rebuildIfNeeded)
      view.destroy()
    },
  }
}

function createView(options: SurfaceOptions, schema: ReturnType<typeof schemaFor>): EditorView {
  // An empty fragment is not a document that the schema allows. The view then
  // starts with an empty paragraph, which is not written into the fragment.
  const initial = options.fragment.length > 0 ? initProseMirrorDoc(options.fragment, schema) : undefined
  const state = EditorState.create({
    schema, doc: initial?.doc, selection: initial && Selection.atStart(initial.doc),
    plugins: [
      ySyncPlugin(options.fragment, { mapping: initial?.mapping }), yUndoPlugin(),
      markdownRules(schema), ...pageKeys(schema),
      dropCursor({ color: false, class: 'weft-drop' }), gapCursor(),
      placeholder(options.placeholder), compositions(options.onComposing), pasteLink(), taskBoxes(), openLinks(),
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

/** The text of an empty page. The style sheet draws it from an attribute, so it is not in the document. */
function placeholder(text: string): Plugin {
  return new Plugin({
    props: {
      decorations: (state) => {
        const { doc } = state
        const block = doc.firstChild
        if (doc.childCount !== 1 || !block?.isTextblock || block.type.name !== 'paragraph' || block.content.size > 0) return null
        return DecorationSet.create(doc, [Decoration.node(0, block.nodeSize, { class: 'weft-empty', 'data-placeholder': text })])
      },
    },
  })
}

/**
 * Makes a composition of an input method one step of undo. Without this, undo
 * brings back half-typed kana. The callback `onComposing` is called when a composition
 * begins, changes or ends. During a composition the room holds back the updates of other
 * people, because a browser ends a composition when the text node that contains it is
 * rewritten.
 */
function compositions(onComposing: (isComposing: boolean) => void): Plugin {
  return new Plugin({
    view: (view) => {
      let endTimer: ReturnType<typeof setTimeout> | undefined
      const start = (): void => {
        clearTimeout(endTimer)
        const undo = undoManager(view)
        undo?.stopCapturing()
        if (undo) undo.captureTimeout = Number.POSITIVE_INFINITY
        onComposing(true)
      }
      const update = (): void => onComposing(true)
      const end = (): void => {
        onComposing(false)
        endTimer = setTimeout(() => { // ProseMirror writes the text into the document shortly after the event
          const undo = undoManager(view)
          if (undo) undo.captureTimeout = undoGroupMs
          undo?.stopCapturing()
        }, 60)
      }
      const { dom } = view
      dom.addEventListener('compositionstart', start)
      dom.addEventListener('compositionupdate', update)
      dom.addEventListener('compositionend', end)
      return {
        destroy: () => {
          clearTimeout(endTimer)
          dom.removeEventListener('compositionstart', start)
          dom.removeEventListener('compositionupdate', update)
          dom.removeEventListener('compositionend', end)
          onComposing(false)
        },
      }
    },
  })
}

/** Pasting an address over selected text links the text. */
function pasteLink(): Plugin {
  return new Plugin({
    props: {
      handlePaste: (view, event) => {
        const address = event.clipboardData?.getData('text/plain').trim() ?? ''
        const { from, to, empty } = view.state.selection
        if (empty || !/^(https?:\/\/|mailto:)\S+$/u.test(address) || safeHref(address) === null) return false
        view.dispatch(view.state.tr.addMark(from, to, markType(view.state.schema, 'link').create({ href: address })))
        return true
      },
    },
  })
}

/** A click on the checkbox of a task changes the document. */
function taskBoxes(): Plugin {
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
          const $position = view.state.doc.resolve(view.posAtDOM(content, 0))
          for (let depth = $position.depth; depth > 0; depth--) {
            if ($position.node(depth).type.name !== 'taskItem') continue
            view.dispatch(view.state.tr.setNodeAttribute($position.before(depth), 'checked', box.checked))
            break
          }
          return true
        },
      },
    },
  })
}

/** A link opens by a click with Ctrl or Cmd, or by a plain click if the page is read-only. */
function openLinks(): Plugin {
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
