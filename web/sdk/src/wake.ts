/** Calls `run` when the page is shown, resumed or online again, so the network may be back. Without a window it does nothing. */
export function onWake(run: () => void): () => void {
  const ends: (() => void)[] = []
  if (typeof window !== 'undefined') {
    window.addEventListener('online', run)
    window.addEventListener('pageshow', run)
    ends.push(() => {
      window.removeEventListener('online', run)
      window.removeEventListener('pageshow', run)
    })
  }
  if (typeof document !== 'undefined') {
    const visible = (): void => { if (document.visibilityState === 'visible') run() }
    document.addEventListener('visibilitychange', visible)
    ends.push(() => document.removeEventListener('visibilitychange', visible))
  }
  return () => ends.forEach((end) => end())
}
