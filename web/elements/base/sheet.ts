import { css, unsafeCSS } from 'lit'

const slots = Array.from({ length: 12 }, (_, i) => `.c${i}{--c:var(--weft-c${i})}`).join('')

/** Reset, focus ring, person hues and the few controls that all elements draw with. */
export const sheet = css`
  ${unsafeCSS(slots)}
  *, *::before, *::after { box-sizing: border-box; }
  :host { display: block; font: 400 14px/1.45 var(--weft-font); color: var(--weft-ink); }
  :host([hidden]), [hidden] { display: none !important; }
  button { font: inherit; color: inherit; background: none; border: 0; padding: 0; margin: 0; cursor: pointer; text-align: start; }
  :focus-visible { outline: 2px solid var(--weft-focus); outline-offset: 2px; }
  svg { inline-size: 18px; block-size: 18px; fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; flex: none; }
  .icon { inline-size: 32px; block-size: 32px; border-radius: var(--weft-r1); display: inline-grid; place-items: center; color: var(--weft-ink-2); position: relative; transition: background 120ms; }
  .icon:hover { background: var(--weft-wash); }
  .button { block-size: 32px; padding: 0 12px; border-radius: var(--weft-r1); font-weight: 550; display: inline-flex; align-items: center; gap: 7px; white-space: nowrap; }
  .button.solid { background: var(--weft-accent); color: var(--weft-accent-ink); }
  .button.line { box-shadow: inset 0 0 0 1px var(--weft-line-strong); background: var(--weft-surface); }
  .button.quiet { color: var(--weft-ink-2); }
  .button.quiet:hover { background: var(--weft-wash); }
  .gone { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  .chip { font-size: .94em; font-weight: 560; border-radius: 5px; padding: 1px 5px; color: color-mix(in oklab, var(--c, var(--weft-ink)) 84%, light-dark(#000, #fff)); background: color-mix(in oklab, var(--c, var(--weft-ink)) 13%, transparent); }
  .chip.me { background: var(--weft-marker); color: var(--weft-marker-ink); }
  .count { font-size: 11px; line-height: 1.45; background: var(--weft-marker); color: var(--weft-marker-ink); border-radius: 9px; padding: 1px 6px; font-weight: 650; }
  @media (pointer: coarse) { .icon { inline-size: 44px; block-size: 44px; } .button { block-size: 44px; } }
  @media (prefers-reduced-motion: reduce) { *, *::before, *::after { animation: none !important; transition: none !important; } }
`

/** A person as a disc with initials; \`--s\` is its diameter. */
export const faceSheet = css`
  .face { inline-size: var(--s, 28px); block-size: var(--s, 28px); border-radius: 50%; flex: none; display: inline-grid; place-items: center; position: relative; background: color-mix(in oklab, var(--c) 18%, var(--weft-surface)); color: color-mix(in oklab, var(--c) 82%, light-dark(#000, #fff)); font-weight: 650; font-size: calc(var(--s, 28px) * .375); line-height: 1; letter-spacing: -.01em; box-shadow: inset 0 0 0 1.5px var(--c); user-select: none; }
  .face::before { content: attr(data-initials); }
  .face[data-state="idle"], .face[data-state="away"] { color: var(--weft-ink-3); background: color-mix(in oklab, var(--c) 8%, var(--weft-surface)); box-shadow: inset 0 0 0 1.5px color-mix(in oklab, var(--c) 40%, var(--weft-surface)); }
  @media (forced-colors: active) { .face { border: 1px solid CanvasText; } }
`
