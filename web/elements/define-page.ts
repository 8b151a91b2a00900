import { define } from './base/element.ts'
import { WeftPage } from './page/index.ts'

define('weft-page', WeftPage)

declare global {
  interface HTMLElementTagNameMap { 'weft-page': WeftPage }
}
