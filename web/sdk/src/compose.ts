/** Calls when an input method begins, goes on and ends, in whatever editor of this window. */
export function onComposition(run: (on: boolean) => void): () => void {
  if (typeof window === 'undefined') return () => {}
  const on = (): void => run(true)
  const off = (): void => run(false)
  // Capture, on the window: editors stop these events, and they leave shadow roots.
  window.addEventListener('compositionstart', on, true)
  window.addEventListener('compositionupdate', on, true)
  window.addEventListener('compositionend', off, true)
  return () => {
    window.removeEventListener('compositionstart', on, true)
    window.removeEventListener('compositionupdate', on, true)
    window.removeEventListener('compositionend', off, true)
  }
}
