import type { Link, Safety } from '@weft/sdk'

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
  if (safety.state === 'refused') return { state: 'refused', text: 'Not saved. Keep a copy', tone: 'bad', icon: 'alert', action: 'rescue' }
  if (link.state === 'closed') return closed(link.reason)
  if (safety.state === 'loading') return { state: 'opening', text: 'Opening…', tone: 'quiet', icon: null }
  if (link.state === 'offline') return offline(safety)
  if (link.state === 'reconnecting') return { state: 'reconnecting', text: 'Reconnecting…', tone: 'note', icon: 'turn' }
  if (safety.state === 'saved') return saved
  const waited = now - safety.since
  if (waited < savingAfterMs) return saved
  if (waited < slowAfterMs) return { state: 'saving', text: 'Saving…', tone: 'quiet', icon: null }
  return { state: 'slow', text: 'Saving is slow. Your work is on this device', tone: 'note', icon: 'clock' }
}

/** When, in ms from now, the same link and safety would read differently; null if never. */
export function changesIn(link: Link, safety: Safety, now: number): number | null {
  if (link.state === 'offline' || link.state === 'reconnecting' || link.state === 'closed' || !('since' in safety)) return null
  const waited = now - safety.since
  if (waited < savingAfterMs) return savingAfterMs - waited
  return waited < slowAfterMs ? slowAfterMs - waited : null
}

const saved: Pill = { state: 'saved', text: 'Saved', tone: 'quiet', icon: 'tick' }

function offline(safety: Exclude<Safety, { state: 'loading' | 'refused' }>): Pill {
  if (safety.state === 'memory') {
    return { state: 'memory', text: 'Offline. Changes live only in this tab. Keep it open', tone: 'warn', icon: 'alert' }
  }
  const pending = safety.state === 'saved' ? 0 : safety.pending
  const text = pending === 0
    ? 'Offline. You can keep writing'
    : `Offline. ${pending} ${pending === 1 ? 'change' : 'changes'} kept on this device`
  return { state: 'offline', text, tone: 'note', icon: 'cloud', action: 'retry' }
}

function closed(reason: Extract<Link, { state: 'closed' }>['reason']): Pill {
  switch (reason) {
    case 'auth': return { state: 'closed', text: 'Signed out. Sign in to sync', tone: 'warn', icon: 'alert', action: 'signin' }
    case 'forbidden': return { state: 'closed', text: 'You no longer have access. Keep a copy', tone: 'bad', icon: 'alert', action: 'rescue' }
    case 'deleted': return { state: 'closed', text: 'This space was deleted. Keep a copy', tone: 'bad', icon: 'alert', action: 'rescue' }
    case 'client-too-old': return { state: 'closed', text: 'Reload to continue. Nothing is lost', tone: 'warn', icon: 'alert', action: 'reload' }
    case 'weft-full': return { state: 'closed', text: 'This space is full', tone: 'warn', icon: 'alert', action: 'retry' }
    default: return { state: 'closed', text: 'Not connected', tone: 'note', icon: 'cloud', action: 'retry' }
  }
}
