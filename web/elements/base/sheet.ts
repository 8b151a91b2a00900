import { css, unsafeCSS } from 'lit'
import baseText from './base.css?inline'
import faceText from './face.css?inline'

/** The base styles of every element: the page's own base styles, and those of the host. */
export const sheet = css`
  ${unsafeCSS(baseText)}
  :host { display: block; font: 400 14px/1.45 var(--weft-font); color: var(--weft-ink); }
  :host([hidden]) { display: none !important; }
`

/** The styles of a person's face; see avatars/face.ts. */
export const faceSheet = unsafeCSS(faceText)
