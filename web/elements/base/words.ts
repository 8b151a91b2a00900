/** How names, times and lists are written. Pure; the locale is the browser's unless told. */

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

const first = (word: string): string => {
  for (const { segment } of segmenter.segment(word)) return segment
  return ''
}

/** One or two letters for a face: "Amara Osei" → "AO", "Mika" → "MI", "Guest 2" → "G2". */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter((w) => w !== '')
  const [head = '?', ...rest] = words
  const tail = rest.at(-1)
  const letters = tail === undefined
    ? [...segmenter.segment(head)].slice(0, 2).map((s) => s.segment).join('')
    : first(head) + first(tail)
  return letters.toLocaleUpperCase()
}

/** What a caret's label says: the first name, and the next initial if another has the same. */
export function shortName(name: string, others: readonly string[] = []): string {
  const [head = name, next] = name.trim().split(/\s+/u)
  if (next === undefined) return head
  if (head === 'Guest') return `${head} ${next}`
  const twins = others.some((o) => o !== name && o.trim().split(/\s+/u)[0] === head)
  return twins ? `${head} ${first(next)}.` : head
}

/** "Amara", "Amara and Mika", and from three on nobody in particular. */
export function typingLine(names: readonly string[]): string {
  if (names.length === 0) return ''
  if (names.length > 2) return 'Several people are typing'
  return `${listed(names)} ${names.length === 1 ? 'is' : 'are'} typing`
}

export const listed = (names: readonly string[], type: 'conjunction' | 'unit' = 'conjunction'): string => new Intl.ListFormat('en', { type }).format(names)

/** "Amara joined", "Amara, Mika and 3 others joined". */
export function joinedLine(names: readonly string[]): string {
  const few = names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} others`] : names
  return `${listed(few)} joined`
}

/** What the chat says. Sentences and labels stand here, not where they are drawn. */
export const say = {
  message: 'Message', messageGroup: 'Message the group', replyHere: 'Reply in the thread', chat: 'Chat', thread: 'Thread', back: 'Back to the chat',
  empty: 'No messages yet. Say what you are working on, or select text in the page and choose Discuss.', noReplies: 'No replies yet.', joinToWrite: 'Join to write.',
  fresh: 'New', from: 'from', newMessage: 'new message', newMessages: 'new messages', mentionsYou: 'mentions you', youAreMentioned: 'you are mentioned',
  renamed: (before: string, name: string): string => `${before} is now ${name}`,
  removed: 'Message removed', queued: 'Will send when online', edited: 'Edited', editedBy: (name: string): string => `Edited by ${name}`,
  notSent: 'Not sent.', notChanged: 'Not changed.', retry: 'Retry', copy: 'Copy', keep: 'Keep', sure: 'Delete this message?', remove: 'Delete',
  actions: 'Message actions', react: 'React', replyTo: 'Reply in thread', edit: 'Edit', reply: 'reply', replies: 'replies',
  oneEmoji: 'One emoji', otherEmoji: 'Other emoji', you: 'You', someone: 'Someone',
  quoteEdited: 'Edited since', quoteGone: 'Removed from the page', toQuote: 'Show in the page', unquote: 'Remove the quote',
  search: 'Search messages', results: 'Messages found', more: 'More', nothingMatches: (q: string): string => `Nothing matches ‘${q}’`,
  matches: (n: number, more: boolean): string => `${n}${more ? ' or more' : ''} found`,
  people: 'People', justYou: 'Just you. Send someone the link.', goThere: 'Go there', earlier: 'Earlier', elsewhere: 'Online, elsewhere', notHere: 'Not here',
  states: { active: 'Here now', idle: 'Idle', away: 'Away' }, onDevices: (n: number): string => `on ${n} devices`,
  editing: 'Editing', cancel: 'Cancel', save: 'Save', send: 'Send', mention: 'Mention someone', peopleToMention: 'People to mention',
  below: (n: number, name: string | undefined): string => `${n} new${name === undefined ? '' : `, from ${name}`}`,
} as const

export const counted = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`

export const clockTime = (at: Date): string =>
  at.toLocaleTimeString(undefined, { hour: 'numeric', minute: '2-digit' })

/** The rule above a day's messages. */
export function dayName(day: Date, now: Date): string {
  const days = Math.round((midnight(now) - midnight(day)) / 86_400_000)
  if (days === 0) return 'Today'
  if (days === 1) return 'Yesterday'
  if (days > 1 && days < 7) return day.toLocaleDateString(undefined, { weekday: 'long' })
  return day.toLocaleDateString(undefined, { day: 'numeric', month: 'long', year: day.getFullYear() === now.getFullYear() ? undefined : 'numeric' })
}

export const sameDay = (a: Date, b: Date): boolean => midnight(a) === midnight(b)

const midnight = (d: Date): number => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime()

/** "Last seen 5 min ago", no finer than the server tells. */
export const lastSeen = (then: Date, now: Date): string => `Last seen ${ago(then, now)}`

/** "just now", "5 min ago", "yesterday": how long ago, no finer than it matters. */
export function ago(then: Date, now: Date): string {
  const minutes = Math.floor((now.getTime() - then.getTime()) / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${minutes} min ago`
  if (sameDay(then, now)) return clockTime(then)
  return dayName(then, now).toLocaleLowerCase()
}
