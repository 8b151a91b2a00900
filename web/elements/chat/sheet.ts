import { css } from 'lit'

export const chatSheet = css`
  :host { display: flex; flex-direction: column; min-block-size: 0; position: relative; }
  .log { flex: 1; min-block-size: 0; overflow-y: auto; overscroll-behavior: contain; overflow-anchor: none; scrollbar-width: thin; scrollbar-color: var(--weft-line) transparent; }
  .rows { min-block-size: 100%; display: flex; flex-direction: column; justify-content: flex-end; padding: 14px 0 6px; }
  .day { align-self: center; font-size: 12px; color: var(--weft-ink-3); margin: 12px 0 8px; }
  .line { align-self: center; max-inline-size: 100%; padding: 2px 16px; font-size: 12.5px; color: var(--weft-ink-3); text-align: center; overflow-wrap: anywhere; }
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
  .row:focus-visible { outline-offset: -2px; border-radius: var(--weft-r1); }
  .row > :is(.under, .picker) { grid-column: 2; }
  .under { display: flex; flex-wrap: wrap; gap: 5px; margin-block: 3px 2px; }
  .reaction, .replies { display: inline-flex; align-items: center; gap: 4px; block-size: 24px; padding: 0 8px; border-radius: 999px; font-size: 12.5px; box-shadow: inset 0 0 0 1px var(--weft-line); color: var(--weft-ink-2); }
  .reaction[aria-pressed="true"] { box-shadow: inset 0 0 0 1.5px var(--weft-ink); background: var(--weft-sunken); color: var(--weft-ink); }
  .reaction b { font-weight: 600; font-variant-numeric: tabular-nums; }
  .reaction[disabled] { cursor: default; }
  .replies { --s: 16px; font-weight: 600; color: var(--weft-ink); padding-inline-start: 5px; }
  .replies .face { font-size: 7px; } .replies .face + .face { margin-inline-start: -7px; }
  .reaction:not([disabled]):hover, .replies:hover { background: var(--weft-wash); }
  .actions { position: absolute; inset-block-start: -13px; inset-inline-end: 12px; display: flex; padding: 2px; background: var(--weft-raised); border-radius: var(--weft-r1); box-shadow: var(--weft-e1); opacity: 0; pointer-events: none; z-index: 1; }
  .row:first-of-type > .actions { inset-block-start: 2px; }
  .row:is(:hover, :focus-within) > .actions { opacity: 1; pointer-events: auto; }
  .row:not(:hover, :focus-within) > .actions { visibility: hidden; }
  .act { inline-size: 28px; block-size: 26px; display: grid; place-items: center; border-radius: 5px; color: var(--weft-ink-2); }
  .act:hover { background: var(--weft-wash); color: var(--weft-ink); }
  .act svg { inline-size: 16px; block-size: 16px; }
  .picker { display: flex; flex-wrap: wrap; gap: 2px; align-items: center; margin-block: 4px; padding: 3px; border-radius: var(--weft-r1); box-shadow: inset 0 0 0 1px var(--weft-line); background: var(--weft-raised); inline-size: fit-content; max-inline-size: 100%; }
  .picker button { inline-size: 30px; block-size: 28px; display: grid; place-items: center; font-size: 17px; border-radius: 5px; }
  .picker button:hover { background: var(--weft-wash); }
  .picker input { inline-size: 96px; block-size: 28px; border: 0; border-radius: 5px; padding: 0 8px; background: var(--weft-sunken); color: inherit; font: inherit; font-size: 13px; }
  .picker input::placeholder { color: var(--weft-ink-3); opacity: 1; }
  .top { display: flex; align-items: center; gap: 4px; padding: 4px 10px; border-block-end: 1px solid var(--weft-line); flex: none; }
  .top svg:dir(rtl) { scale: -1 1; }
  .trouble { margin: 0 16px 8px; color: var(--weft-bad); font-size: 12.5px; }
  @media (pointer: coarse) { .act { inline-size: 44px; block-size: 40px; } .picker button { inline-size: 44px; block-size: 44px; } .reaction, .replies { block-size: 34px; } .picker input { font-size: 16px; block-size: 40px; } }
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
  .find { position: absolute; inset-block-start: 6px; inset-inline-end: 12px; background: var(--weft-surface); z-index: 1; color: var(--weft-ink-3); }
  weft-search { flex: 1; min-block-size: 0; }
  .middle { position: relative; flex: 1; min-block-size: 0; display: flex; flex-direction: column; }
  .join { margin: 0 16px 14px; color: var(--weft-ink-3); text-align: center; font-size: 13px; }
`
