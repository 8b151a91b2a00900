// Importing this module defines all elements but weft-page. That element contains
// the editor, and applications load it later, by importing define-page.ts.
import { WeftAvatars, WeftBell, WeftChat, WeftComposer, WeftPeople, WeftRail, WeftSearch, WeftStatus, define } from './index.ts'

define('weft-avatars', WeftAvatars)
define('weft-bell', WeftBell)
define('weft-chat', WeftChat)
define('weft-composer', WeftComposer)
define('weft-people', WeftPeople)
define('weft-rail', WeftRail)
define('weft-search', WeftSearch)
define('weft-status', WeftStatus)

declare global {
  interface HTMLElementTagNameMap {
    'weft-avatars': WeftAvatars
    'weft-bell': WeftBell
    'weft-chat': WeftChat
    'weft-composer': WeftComposer
    'weft-people': WeftPeople
    'weft-rail': WeftRail
    'weft-search': WeftSearch
    'weft-status': WeftStatus
  }
}
