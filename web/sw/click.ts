import { roomOf } from './payload.ts'

/** The part of a WindowClient that is used here. */
export interface Page {
  readonly url: string
  focus(): Promise<unknown>
  navigate(url: string): Promise<unknown>
  postMessage(message: { type: 'room:navigate'; url: string }): void
}

/**
 * Shows `url` to the reader. An open page with the room of `url` is told to go
 * there by itself. If there is none, another page of this origin navigates there;
 * without one, `open` opens a new page. A page that cannot be focused or navigated
 * is treated as closed.
 */
export async function goTo(url: string, pages: readonly Page[], open: (url: string) => Promise<unknown>): Promise<void> {
  const origin = new URL(url).origin
  const ownPages = pages.filter((p) => new URL(p.url).origin === origin)
  const room = roomOf(url)
  const roomPage = room === undefined ? undefined : ownPages.find((p) => roomOf(p.url) === room)
  if (roomPage) {
    try {
      // The message comes first: a browser may refuse to focus the page.
      roomPage.postMessage({ type: 'room:navigate', url })
      await roomPage.focus()
      return
    } catch { /* the page was closed */ }
  }
  for (const page of ownPages) {
    if (page === roomPage) continue
    try {
      await page.focus()
      await page.navigate(url)
      return
    } catch { /* the page was closed, or is not controlled by this worker */ }
  }
  await open(url)
}
