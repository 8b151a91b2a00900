import type { Link, Safety } from '@weft/sdk'
import { status as text } from '../text/index.ts'

/** What the pill says and does. `state` is the name tests and styles go by. */
export interface Pill {
  state: 'opening' | 'saved' | 'saving' | 'slow' | 'reconnecting' | 'offline' | 'memory' | 'refused' | 'closed'
  text: string
  tone: 'quiet' | 'note' | 'warn' | 'bad'
  icon: 'tick' | 'turn' | 'cloud' | 'alert' | 'clock' | null
  action?: 'rescue' | 'retry' | 'signin' | 'reload'
}

/** Shorter than this a save is not news: the pill would flicker while one types. */
export const savingAfterMs = 600
/** From here on a save is slow enough to say that the work is safe on this device. */
export const slowAfterMs = 8000

/**
 * The one sentence about the reader's own work: a pure function of what the
 * network does and of where the work is. `now` is in ms, like `since`.
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

/** When, in ms from now, the same link and safety would read differently; null if never. */
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
