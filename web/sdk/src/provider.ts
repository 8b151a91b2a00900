import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import type { Readable, Unsubscribe } from './readable.ts'
import type { SyncState } from './sync.ts'
import type { Link, ProviderEvents, YProvider } from './types.ts'

export interface ProviderParts {
  readonly room: string
  readonly doc: Y.Doc
  readonly awareness: Awareness
  readonly sync: Readable<SyncState>
  readonly link: Readable<Link>
  readonly connect: () => void
  readonly disconnect: () => void
}

type Status = YProvider['status']

/** A view of a room with the interface of a Yjs provider. It has no state of its own. */
export class RoomProvider implements YProvider {
  readonly doc: Y.Doc
  readonly document: Y.Doc
  readonly awareness: Awareness
  readonly roomname: string
  readonly #parts: ProviderParts
  readonly #runs = new Map<string, Map<unknown, (data: never) => void>>()
  readonly #ends: Unsubscribe[]

  constructor(parts: ProviderParts) {
    this.#parts = parts
    this.doc = this.document = parts.doc
    this.awareness = parts.awareness
    this.roomname = parts.room
    let status = this.status
    let synced = this.synced
    let pending = this.unsyncedChanges
    this.#ends = [
      parts.link.subscribe(() => {
        if (status !== (status = this.status)) this.#emit('status', { status })
      }),
      parts.sync.subscribe((s) => {
        if (synced !== (synced = this.synced)) {
          this.#emit('sync', synced)
          this.#emit('synced', synced)
        }
        if (pending !== (pending = s.pending)) this.#emit('unsyncedChanges', { number: pending })
      }),
    ]
  }

  get status(): Status {
    const { state } = this.#parts.link.get()
    return state === 'online' ? 'connected' : state === 'connecting' || state === 'reconnecting' ? 'connecting' : 'disconnected'
  }

  get synced(): boolean {
    const s = this.#parts.sync.get()
    return s.loaded && s.flowing
  }

  get isSynced(): boolean { return this.synced }
  get wsconnected(): boolean { return this.status === 'connected' }
  get unsyncedChanges(): number { return this.#parts.sync.get().pending }
  get hasUnsyncedChanges(): boolean { return this.unsyncedChanges > 0 }

  connect(): void { this.#parts.connect() }
  disconnect(): void { this.#parts.disconnect() }

  /** Editors call this when they are destroyed. The room stays joined until its last leave(). */
  destroy(): void { this.#runs.clear() }

  on<E extends keyof ProviderEvents>(event: E, run: (data: ProviderEvents[E]) => void): void { this.#add(event, run, run) }

  once<E extends keyof ProviderEvents>(event: E, run: (data: ProviderEvents[E]) => void): void {
    this.#add(event, run, (data: ProviderEvents[E]) => {
      this.off(event, run)
      run(data)
    })
  }

  off<E extends keyof ProviderEvents>(event: E, run: (data: ProviderEvents[E]) => void): void { this.#runs.get(event)?.delete(run) }

  /** The room was left: no more events. */
  end(): void {
    this.#ends.forEach((end) => end())
    this.#runs.clear()
  }

  #add(event: string, key: unknown, run: (data: never) => void): void {
    const runs = this.#runs.get(event) ?? new Map<unknown, (data: never) => void>()
    this.#runs.set(event, runs.set(key, run))
  }

  #emit<E extends keyof ProviderEvents>(event: E, data: ProviderEvents[E]): void {
    for (const run of [...(this.#runs.get(event)?.values() ?? [])]) (run as (data: ProviderEvents[E]) => void)(data)
  }
}
