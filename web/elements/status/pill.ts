import type { Link, Safety } from '@weft/sdk'
import { status as text } from '../text/index.ts'

/** The text, look and action of the status pill. `state` is for styles and tests. */
export interface Pill {
  state: 'opening' | 'saved' | 'saving' | 'slow' | 'reconnecting' | 'offline' | 'memory' | 'refused' | 'closed'
  text: string
  tone: 'quiet' | 'note' | 'warn' | 'bad'
  icon: 'tick' | 'turn' | 'cloud' | 'alert' | 'clock' | null
  action?: 'rescue' | 'retry' | 'signin' | 'reload'
}

/** Saving is not shown before it takes this long: the pill would flicker during typing. In milliseconds. */
export const savingAfterMs = 600
/** Saving that takes this long is called slow. In milliseconds. */
export const slowAfterMs = 8000

/**
 * Returns the pill for the state of the connection and of the reader's work. It is
 * a pure function. `now` is in milliseconds since 1970, as the fields `since` are.
 */
export function pill(link: Link, safety: Safety, now: number): Pill {
  if (safety.state === 'refused') return { state: 'refused', text: text.refused, tone: 'bad', icon: 'alert', action: 'rescue' }
  if (link.state === 'closed') return closed(link.reason)
  if (safety.state === 'loading') return { state: 'opening', text: text.opening, tone: 'quiet', icon: null }
  if (link.state === 'offline') return offline(safety)
  if (link.state === 'reconnecting') return { state: 'reconnecting', text: text.reconnecting, tone: 'note', icon: 'turn' }
  if (safety.state === 'saved') return saved
  const waited = now - safety.since
  if (waited < savingAfterMs) return saved
  if (waited < slowAfterMs) return { state: 'saving', text: text.saving, tone: 'quiet', icon: null }
  return { state: 'slow', text: text.slow, tone: 'note', icon: 'clock' }
}

/** Returns after how many milliseconds the pill changes although link and safety stay the same; null if it does not. */
export function changesIn(link: Link, safety: Safety, now: number): number | null {
  if (link.state === 'offline' || link.state === 'reconnecting' || link.state === 'closed' || !('since' in safety)) return null
  const waited = now - safety.since
  if (waited < savingAfterMs) return savingAfterMs - waited
  return waited < slowAfterMs ? slowAfterMs - waited : null
}

const saved: Pill = { state: 'saved', text: text.saved, tone: 'quiet', icon: 'tick' }

function offline(safety: Exclude<Safety, { state: 'loading' | 'refused' }>): Pill {
  if (safety.state === 'memory') {
    return { state: 'memory', text: text.onlyInThisTab, tone: 'warn', icon: 'alert' }
  }
  const pending = safety.state === 'saved' ? 0 : safety.pending
  return { state: 'offline', text: pending === 0 ? text.offline : text.offlineKept(pending), tone: 'note', icon: 'cloud', action: 'retry' }
}

/** The pill of a connection that the SDK will not try again by itself. */
function closed(reason: Extract<Link, { state: 'closed' }>['reason']): Pill {
  switch (reason) {
    case 'auth': return { state: 'closed', text: text.signedOut, tone: 'warn', icon: 'alert', action: 'signin' }
    case 'forbidden': return { state: 'closed', text: text.forbidden, tone: 'bad', icon: 'alert', action: 'rescue' }
    case 'deleted': return { state: 'closed', text: text.deleted, tone: 'bad', icon: 'alert', action: 'rescue' }
    case 'client-too-old': return { state: 'closed', text: text.tooOld, tone: 'warn', icon: 'alert', action: 'reload' }
    case 'weft-full': return { state: 'closed', text: text.full, tone: 'warn', icon: 'alert', action: 'retry' }
    default: return { state: 'closed', text: text.notConnected, tone: 'note', icon: 'cloud', action: 'retry' }
  }
}
