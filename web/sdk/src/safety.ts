import type { Clock } from './clock.ts'
import { derived, type Readable, type Unsubscribe } from './readable.ts'
import type { SyncState } from './sync.ts'
import type { Link, Safety } from './types.ts'

/**
 * Whether the user's work is stored. It is `saved` only if everything sent since
 * the join is acked, which means durable, and nothing waits to be sent. Unsaved
 * work without a connection is `memory`: it is in this tab only, since the SDK
 * does not keep documents on the device.
 */
export class SafetyState {
  readonly readable: Readable<Safety>
  readonly #clock: Clock
  readonly #rescue: () => Promise<Blob>
  readonly #end: Unsubscribe
  #last: Safety = { state: 'loading' }
  #savedAt = 0
  #savingSince = 0

  constructor(sync: Readable<SyncState>, link: Readable<Link>, rescue: () => Promise<Blob>, clock: Clock) {
    this.#clock = clock
    this.#rescue = rescue
    this.readable = derived([sync, link], (s, l) => {
      const next = this.#next(s, l)
      return same(next, this.#last) ? this.#last : this.#last = next
    })
    this.#end = this.readable.subscribe(() => {}) // so that `at` and `since` are right even without another subscriber
  }

  stop(): void { this.#end() }

  #next(sync: SyncState, link: Link): Safety {
    const before = this.#last
    if (sync.refused) {
      return before.state === 'refused' && before.error === sync.refused ? before : { state: 'refused', error: sync.refused, rescue: this.#rescue }
    }
    const away = link.state === 'reconnecting' || link.state === 'offline' || link.state === 'closed' || link.state === 'idle'
    if (sync.pending > 0 && away) return { state: 'memory', pending: sync.pending, since: sync.since }
    if (!sync.loaded) return { state: 'loading' }
    if (sync.pending === 0 && sync.unacked === 0) {
      if (before.state !== 'saved') this.#savedAt = this.#clock.now()
      return { state: 'saved', at: this.#savedAt }
    }
    if (before.state !== 'saving') this.#savingSince = this.#clock.now()
    return { state: 'saving', pending: Math.max(1, sync.pending), since: sync.since || this.#savingSince }
  }
}

function same(a: Safety, b: Safety): boolean {
  if (a === b) return true
  if (a.state !== b.state) return false
  switch (a.state) {
    case 'loading': return true
    case 'saved': return b.state === 'saved' && a.at === b.at
    case 'refused': return b.state === 'refused' && a.error === b.error
    default: return 'pending' in b && a.pending === b.pending && a.since === b.since
  }
}
