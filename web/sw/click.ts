import { roomOf } from './payload.ts'

/** What of a WindowClient is used. */
export interface Page {
  readonly url: string
  focus(): Promise<unknown>
  navigate(url: string): Promise<unknown>
  postMessage(message: { type: 'room:navigate'; url: string }): void
}

/**
 * Brings somebody to `url`: the page that has the room goes there by itself,
 * else another page of ours is sent there, else a new one opens. A page that
 * cannot be focused or sent any more counts as gone.
 */
export async function goTo(url: string, pages: readonly Page[], open: (url: string) => Promise<unknown>): Promise<void> {
  const origin = new URL(url).origin
  const ours = pages.filter((p) => new URL(p.url).origin === origin)
  const room = roomOf(url)
  const there = room === undefined ? undefined : ours.find((p) => roomOf(p.url) === room)
  if (there) {
    try {
      // First tell, then focus: it goes there even where a browser will not
      // bring it to the front.
      there.postMessage({ type: 'room:navigate', url })
      await there.focus()
      return
    } catch { /* gone */ }
  }
  for (const page of ours) {
    if (page === there) continue
    try {
      await page.focus()
      await page.navigate(url)
      return
    } catch { /* gone, or not under this worker */ }
  }
  await open(url)
}
