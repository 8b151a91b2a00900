import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'

export interface ProviderEvents {
  status: { status: 'connecting' | 'connected' | 'disconnected' }
  sync: boolean
  synced: boolean
  unsyncedChanges: { number: number }
}

/** The surface that Yjs editor bindings expect of a provider. */
export interface YProvider {
  readonly doc: Y.Doc
  readonly document: Y.Doc // Hocuspocus's word
  readonly awareness: Awareness
  readonly roomname: string
  readonly synced: boolean
  readonly isSynced: boolean
  readonly wsconnected: boolean
  readonly status: 'connecting' | 'connected' | 'disconnected'
  readonly hasUnsyncedChanges: boolean
  readonly unsyncedChanges: number
  connect(): void
  disconnect(): void
  destroy(): void
  on<E extends keyof ProviderEvents>(event: E, run: (data: ProviderEvents[E]) => void): void
  once<E extends keyof ProviderEvents>(event: E, run: (data: ProviderEvents[E]) => void): void
  off<E extends keyof ProviderEvents>(event: E, run: (data: ProviderEvents[E]) => void): void
}
