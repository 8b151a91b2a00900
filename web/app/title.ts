import type * as Y from 'yjs'
import type { Readable, Room, Unsubscribe } from '@weft/sdk'

const key = 'title'

/**
 * The title of a space. It is stored in the shared document (map `meta`, key
 * `title`), so that renaming works offline and reaches everybody as text does. If
 * two people rename at the same time, one of the titles wins: letters of both
 * merged would make no title.
 */
export class Title implements Readable<string> {
  readonly #meta: Y.Map<unknown>

  constructor(room: Room) {
    this.#meta = room.doc.getMap('meta')
  }

  readonly get = (): string => {
    const title = this.#meta.get(key)
    return typeof title === 'string' ? title : ''
  }

  readonly subscribe = (run: (title: string) => void): Unsubscribe => {
    let last = this.get()
    const check = (): void => {
      const now = this.get()
      if (now === last) return
      last = now
      run(now)
    }
    this.#meta.observe(check)
    run(last)
    return () => this.#meta.unobserve(check)
  }

  /** Sets the title, at most 200 UTF-16 code units in one line. */
  set(title: string): void {
    const short = title.replace(/\s+/gu, ' ').slice(0, 200)
    if (short !== this.get()) this.#meta.set(key, short)
  }
}
