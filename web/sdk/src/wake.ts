/** Calls when a sleeping, hidden or disconnected page may have a network again. Elsewhere than in a window it does nothing. */
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
