import { html, type TemplateResult } from 'lit'

/** Grey bars in the place of the page's text while it is loading. */
export const skeleton = (): TemplateResult =>
  html`<div class="skeleton" part="skeleton" role="progressbar" aria-label="Opening the page"><i></i><i></i><i></i><i></i></div>`
