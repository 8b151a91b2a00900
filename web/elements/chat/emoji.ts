/** A press away; any other emoji goes into the field beside them. */
export const quick = [
  { emoji: '👍', name: 'Thumbs up' }, { emoji: '❤️', name: 'Heart' }, { emoji: '😂', name: 'Tears of joy' },
  { emoji: '🎉', name: 'Party' }, { emoji: '🤯', name: 'Mind blown' }, { emoji: '👀', name: 'Eyes' },
] as const
