import { css } from 'lit'

export const chatSheet = css`
  :host { display: flex; flex-direction: column; min-block-size: 0; position: relative; }
  .log { flex: 1; min-block-size: 0; overflow-y: auto; overscroll-behavior: contain; scrollbar-width: thin; scrollbar-color: var(--weft-line) transparent; }
  .rows { min-block-size: 100%; display: flex; flex-direction: column; justify-content: flex-end; padding: 14px 0 6px; }
  .day { align-self: center; font-size: 12px; color: var(--weft-ink-3); margin: 12px 0 8px; }
  .new { display: flex; align-items: center; gap: 10px; padding: 8px 16px; color: var(--weft-warn); font-size: 12px; font-weight: 600; }
  .new::before, .new::after { content: ""; flex: 1; block-size: 1px; background: currentColor; opacity: .35; }
  .row { display: grid; grid-template-columns: 28px minmax(0, 1fr); gap: 0 10px; padding: 6px 16px; position: relative; }
  .row.continues { padding-block-start: 0; }
  .row > .text, .row > .foot, .row > .quote { grid-column: 2; }
  .head { display: flex; gap: 8px; align-items: baseline; font-weight: 600; min-inline-size: 0; }
  .head bdi { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  time { font-weight: 400; color: var(--weft-ink-3); font-size: 12.5px; font-variant-numeric: tabular-nums; }
  .text { line-height: 1.5; white-space: pre-wrap; overflow-wrap: anywhere; }
  .text.emoji { font-size: 28px; line-height: 1.3; }
  .text a { color: inherit; text-underline-offset: 2px; text-decoration-color: var(--weft-line-strong); }
  .text code { font: 400 .88em var(--weft-font-mono); background: var(--weft-sunken); border-radius: 5px; padding: 1px 5px; }
  .text pre { margin: 4px 0; padding: 9px 11px; border-radius: var(--weft-r1); background: var(--weft-sunken); overflow-x: auto; font: 400 .88em/1.55 var(--weft-font-mono); }
  .gone-text { color: var(--weft-ink-3); font-style: italic; }
  .row.me { background: color-mix(in oklab, var(--weft-marker) 36%, transparent); box-shadow: inset 3px 0 0 var(--weft-marker); padding-block: 8px; }
  .row.wash { animation: wash 1.6s var(--weft-ease); }
  @keyframes wash { from { background: var(--weft-marker); } }
  .row[data-state="sending"] .text, .row[data-state="queued"] .text { opacity: .62; }
  .foot { font-size: 12.5px; color: var(--weft-ink-3); display: flex; gap: 10px; align-items: center; }
  .foot svg { inline-size: 13px; block-size: 13px; }
  .foot.failed { color: var(--weft-bad); }
  .foot button { font-weight: 600; color: var(--weft-ink); text-decoration: underline; text-underline-offset: 2px; }
  .quote { border: 1px solid var(--weft-line); border-radius: var(--weft-r1); padding: 6px 9px; margin: 4px 0 5px; font: italic 400 14.5px/1.4 var(--weft-font-doc); color: var(--weft-ink-2); display: flex; gap: 8px; background: var(--weft-paper); }
  button.quote { text-align: start; cursor: pointer; inline-size: fit-content; max-inline-size: 100%; }
  button.quote:hover { background: var(--weft-wash); }
  .quote q { quotes: none; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden; overflow-wrap: anywhere; }
  .quote small { font: 400 12px/1.4 var(--weft-font); color: var(--weft-ink-3); }
  .quote[data-quote="gone"] q { text-decoration: line-through; }
  .quote svg { inline-size: 14px; block-size: 14px; color: var(--weft-ink-3); translate: 0 3px; }
  .typing { block-size: 26px; padding: 2px 16px 0 54px; color: var(--weft-ink-3); font-size: 12.5px; display: flex; gap: 7px; align-items: center; flex: none; white-space: nowrap; overflow: hidden; }
  .dots { display: inline-flex; gap: 3px; }
  .dots i { inline-size: 4px; block-size: 4px; border-radius: 50%; background: currentColor; animation: dot 1.2s infinite; }
  .dots i:nth-child(2) { animation-delay: .15s; } .dots i:nth-child(3) { animation-delay: .3s; }
  @keyframes dot { 30% { opacity: .3; } }
  .empty { color: var(--weft-ink-3); padding: 0 24px 8px; text-align: center; text-wrap: balance; margin: auto; }
  .more { position: absolute; inset: auto 0 0; display: grid; place-items: center; pointer-events: none; padding-block-end: 8px; }
  .more button { pointer-events: auto; display: inline-flex; gap: 6px; align-items: center; background: var(--weft-accent); color: var(--weft-accent-ink); border-radius: 999px; padding: 5px 12px 5px 10px; font-size: 12.5px; font-weight: 600; box-shadow: var(--weft-e2); }
  .more svg { inline-size: 14px; block-size: 14px; }
  .middle { position: relative; flex: 1; min-block-size: 0; display: flex; flex-direction: column; }
  .join { margin: 0 16px 14px; color: var(--weft-ink-3); text-align: center; font-size: 13px; }
`
