import { html, type TemplateResult } from 'lit'
import { space } from '../text/index.ts'

/** Grey bars in the place of the page's text while it is loading. */
export const skeleton = (): TemplateResult =>
  html`<div class="skeleton" part="skeleton" role="progressbar" aria-label=${space.openingPage}><i></i><i></i><i></i><i></i></div>`
