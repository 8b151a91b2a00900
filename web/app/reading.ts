import type { Client, Room } from '@weft/sdk'

/** A mention counts as read after it was on screen this long. */
const dwellMs = 1500

/**
 * Marks notices of this room read when the message they tell of has been seen
 * in the chat: a count that stays after reading teaches people to ignore it.
 * Returns what to call when the reader sees the newest message.
 */
export function readWhatIsSeen(client: Client, room: Room): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let seen = false

  const due = (): string[] => {
    const here = new Set(room.chat.messages.get().map((m) => m.id))
    return client.notifications.items.get()
      .filter((n) => n.readAt === undefined && n.room === room.id && here.has(messageOf(n.url) ?? ''))
      .map((n) => n.id)
  }
  const wait = (): void => {
    if (timer !== undefined || !seen || due().length === 0) return
    timer = setTimeout(() => {
      timer = undefined
      if (document.visibilityState !== 'visible' || !document.hasFocus()) return
      for (const id of due()) void client.notifications.markRead(id).catch(() => undefined)
    }, dwellMs)
  }
  client.notifications.items.subscribe(wait)
  room.chat.messages.subscribe(() => { seen = false }) // until the chat says so again
  return () => {
    seen = true
    wait()
  }
}

/** The message that an address like `/s/bio#m=01JD…` points at. */
export function messageOf(address: string): string | null {
  const hash = address.indexOf('#')
  return hash < 0 ? null : new URLSearchParams(address.slice(hash + 1)).get('m')
}
