import type { Client, Room } from '@weft/sdk'

/** A notification counts as read this long after the reader saw its message. In milliseconds. */
const readAfterMs = 1500

/**
 * Marks notifications of this room read when the reader has seen their message in
 * the chat. A count that stays after reading would teach people to ignore it.
 * The returned function is to be called when the reader sees the newest message.
 */
export function markSeenNotificationsRead(client: Client, room: Room): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isSeen = false

  const unreadIds = (): string[] => {
    const loaded = new Set(room.chat.messages.get().map((m) => m.id))
    return client.notifications.items.get()
      .filter((n) => n.readAt === undefined && n.room === room.id && loaded.has(messageOf(n.url) ?? ''))
      .map((n) => n.id)
  }
  const schedule = (): void => {
    if (timer !== undefined || !isSeen || unreadIds().length === 0) return
    timer = setTimeout(() => {
      timer = undefined
      if (document.visibilityState !== 'visible' || !document.hasFocus()) return
      for (const id of unreadIds()) void client.notifications.markRead(id).catch(() => undefined)
    }, readAfterMs)
  }
  client.notifications.items.subscribe(schedule)
  room.chat.messages.subscribe(() => { isSeen = false }) // a new message may have arrived, which the reader has not seen
  return () => {
    isSeen = true
    schedule()
  }
}

/** Returns the message id in an address like `/s/bio#m=01JD…`, or null. */
export function messageOf(address: string): string | null {
  const hash = address.indexOf('#')
  return hash < 0 ? null : new URLSearchParams(address.slice(hash + 1)).get('m')
}
