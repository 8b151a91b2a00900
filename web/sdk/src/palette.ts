/** The twelve people's hues of ux.md §4.1, light theme: white on them is readable. */
const hues = [
  '#ba3535', '#a75001', '#886602', '#667404', '#028321', '#037e65',
  '#037a84', '#0573aa', '#3065cc', '#6e53c5', '#9344aa', '#af3679',
] as const

/** For editors that want a colour. Our own surfaces use the class `c{slot}`, which follows the theme. */
export function colors(slot: number): { readonly color: string; readonly colorLight: string } {
  const color = hues[((Math.trunc(slot) % 12) + 12) % 12] ?? hues[0]
  return { color, colorLight: `${color}33` }
}

/** The slot that the server tries first: FNV-1a, 32 bits, over the id's UTF-8. */
export function likelySlot(user: string): number {
  let h = 0x811c9dc5
  for (const b of new TextEncoder().encode(user)) h = Math.imul(h ^ b, 0x01000193)
  return (h >>> 0) % 12
}
