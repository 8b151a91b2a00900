import { css, unsafeCSS } from 'lit'
import { slotCount } from '@weft/sdk'

const highlights = Array.from({ length: slotCount }, (_, i) =>
  `::highlight(weft-c${i}){background-color:color-mix(in oklab,var(--weft-c${i}) 22%,transparent)}`).join('')

/** Yellow always means the reader: here, a text that the reader asked to see. */
const flash = '::highlight(weft-wash){background-color:var(--weft-marker);color:var(--weft-marker-ink)}'

/**
 * The styles of the text. They are adopted by the document and not by a shadow
 * root, in a cascade layer of their own, so that any rule of the host overrides
 * them.
 */
export const textSheet = css`
@layer weft {
  .weft-surface {
    position: relative; outline: none; min-block-size: 50vh; padding-block-end: 30vh;
    font: 400 18.5px/1.62 var(--weft-font-doc, inherit); font-optical-sizing: auto; color: var(--weft-ink, inherit);
    white-space: pre-wrap; white-space: break-spaces; overflow-wrap: anywhere; font-variant-ligatures: none; caret-color: var(--weft-ink);
  }
  .weft-surface > :first-child { margin-block-start: 0; }
  .weft-surface p { margin: 0 0 14px; }
  .weft-surface h1 { font: 500 31px/1.18 var(--weft-font-doc, inherit); letter-spacing: -.018em; margin: 40px 0 12px; }
  .weft-surface h2 { font: 560 24px/1.25 var(--weft-font-doc, inherit); letter-spacing: -.012em; margin: 38px 0 10px; }
  .weft-surface h3 { font: 560 20px/1.3 var(--weft-font-doc, inherit); letter-spacing: -.012em; margin: 30px 0 8px; }
  .weft-surface :is(ul, ol) { margin: 0 0 14px; padding-inline-start: 26px; }
  .weft-surface li > :is(ul, ol) { margin-block-end: 0; }
  .weft-surface li { margin-block: 5px; }
  .weft-surface li p { margin: 0; }
  .weft-surface li::marker { color: var(--weft-ink-3); }
  .weft-surface ul[data-type="taskList"] { list-style: none; padding-inline-start: 0; }
  .weft-surface ul[data-type="taskList"] ul[data-type="taskList"] { padding-inline-start: 2px; }
  .weft-surface li[data-type="taskItem"] { display: flex; gap: 10px; align-items: flex-start; }
  .weft-surface li[data-type="taskItem"] > div { flex: 1; min-inline-size: 0; }
  .weft-surface li[data-type="taskItem"] > input {
    appearance: none; inline-size: 17px; block-size: 17px; margin: 0; margin-block-start: .37em; border-radius: 5px;
    border: 1.5px solid var(--weft-line-strong); flex: none; display: grid; place-items: center; cursor: pointer; background: none;
  }
  .weft-surface li[data-type="taskItem"] > input:checked { background: var(--weft-accent); border-color: var(--weft-accent); }
  .weft-surface li[data-type="taskItem"] > input:checked::after {
    content: ""; inline-size: 9px; block-size: 5px; margin-block-start: -3px; rotate: -45deg;
    border: solid var(--weft-accent-ink); border-width: 0 0 2px 2px;
  }
  .weft-surface li[data-checked="true"] > div > p { color: var(--weft-ink-3); text-decoration: line-through; text-decoration-color: var(--weft-line-strong); }
  .weft-surface blockquote { margin: 0 0 14px; padding-inline-start: 18px; border-inline-start: 3px solid var(--weft-line); color: var(--weft-ink-2); font-style: italic; }
  .weft-surface pre {
    margin: 0 0 16px; padding: 14px 16px; border-radius: var(--weft-r2); background: var(--weft-sunken);
    font: 400 .8em/1.6 var(--weft-font-mono); white-space: pre-wrap; tab-size: 2;
  }
  .weft-surface :not(pre) > code { font: 400 .8em var(--weft-font-mono); background: var(--weft-sunken); border-radius: 5px; padding: 1px 5px; }
  .weft-surface pre code { font: inherit; }
  .weft-surface a { color: inherit; text-decoration-color: var(--weft-line-strong); text-decoration-thickness: 1px; text-underline-offset: 3px; }
  .weft-surface a:hover { text-decoration-color: currentColor; }
  .weft-surface mark { background: var(--weft-marker); color: var(--weft-marker-ink); border-radius: 2px; }
  .weft-surface hr { border: 0; block-size: 1px; background: var(--weft-line); margin: 30px 0; }
  .weft-surface .weft-mention { font: 560 .84em var(--weft-font); background: var(--weft-wash); border-radius: 5px; padding: 1px 5px; white-space: nowrap; }
  .weft-surface .weft-unknown { border: 1px dashed var(--weft-line-strong); border-radius: var(--weft-r1); padding: 0 6px; color: var(--weft-ink-2); }
  .weft-surface .weft-empty::before { content: attr(data-placeholder); color: var(--weft-ink-3); float: inline-start; block-size: 0; pointer-events: none; }
  .weft-surface .ProseMirror-selectednode { outline: 2px solid var(--weft-focus); border-radius: 4px; }
  .weft-surface .ProseMirror-separator { display: none; }
  .weft-surface .ProseMirror-gapcursor { display: none; position: absolute; pointer-events: none; }
  .weft-surface.ProseMirror-focused .ProseMirror-gapcursor { display: block; }
  .weft-surface .ProseMirror-gapcursor::after { content: ""; display: block; position: absolute; inset-block-start: -2px; inline-size: 20px; border-block-start: 1.5px solid var(--weft-ink); }
  .weft-drop { background: var(--weft-focus); }
  ${unsafeCSS(highlights)}
  ${unsafeCSS(flash)}
  @media (max-width: 760px) { .weft-surface { font-size: 18px; } }
  @media print { .weft-surface { min-block-size: 0; padding: 0; } }
}`
