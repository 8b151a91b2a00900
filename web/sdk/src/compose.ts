/** Calls `run` when a composition of an input method begins, continues and ends, in any editor of this window. */
export function onComposition(run: (on: boolean) => void): () => void {
  if (typeof window === 'undefined') return () => {}
  const on = (): void => run(true)
  const off = (): void => run(false)
  // Capturing on the window: editors stop the propagation of these events, and they do cross shadow roots.
  window.addEventListener('compositionstart', on, true)
  window.addEventListener('compositionupdate', on, true)
  window.addEventListener('compositionend', off, true)
  return () => {
    window.removeEventListener('compositionstart', on, true)
    window.removeEventListener('compositionupdate', on, true)
    window.removeEventListener('compositionend', off, true)
  }
}
