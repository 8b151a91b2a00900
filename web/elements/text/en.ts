/**
 * Every string that a reader sees or hears, in English: labels, sentences,
 * placeholders, tooltips and what a screen reader says, by the part of the pages
 * that shows it. Strings with a number, a name or a list are functions.
 *
 * Another language is a module with the same exports. text.test.ts finds strings
 * that stand elsewhere.
 */
import { list, lowerCase } from './format.ts'

const plural = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`

/** The first word of a guest's name, which the server makes: "Guest 2". */
export const guestWord = 'Guest'

export const landing = {
  headline: 'Write it together, talk it through.',
  lead: 'A page, the people on it, and the conversation beside it. No account needed.',
  spaceName: 'Space name',
  spaceExample: 'Bio 201, week 6',
  yourName: 'Your name',
  nameExample: 'Nia',
  start: 'Start a space',
  haveLink: 'Have a link or code?',
  pasteHere: 'Paste it here',
  notALink: 'That is no link or code of this server.',
  recentSpaces: 'Recent spaces',
  /** The drawing of a page beside the form. Nothing in it is live. */
  picture: {
    heading: 'Membranes & transport',
    first: { before: 'A cell membrane is not a wall. It is a ', selected: 'two-molecule-thick fluid', person: 'Amara', after: ' that sorts what may pass.' },
    second: { before: 'Proteins float in the sheet like boats; cholesterol keeps it from setting in the cold', person: 'Jonas', after: '.' },
    message: { initials: 'MK', person: 'Mika', mention: '@You', text: ' can you take the pump? I’ll do diffusion tonight.' },
  },
} as const

export const space = {
  product: 'Weft',
  untitled: 'Untitled',
  windowTitle: (title: string): string => `${title} · Weft`,
  guest: (number: string): string => `${guestWord} ${number}`,
  skipToDocument: 'To the document',
  document: 'Document',
  conversation: 'Conversation',
  views: 'Views',
  home: 'All spaces',
  homeLabel: 'Weft, all spaces',
  spaceTitle: 'Space title',
  title: 'Title',
  share: 'Share',
  copyLink: 'Copy link',
  copied: 'Copied',
  linkCopied: 'Link copied',
  copyThisLink: 'Copy this link',
  openingPage: 'Opening the page',
  peopleHere: (n: number): string => `${plural(n, 'person', 'people')} here`,
  onlyYou: 'Only you are here',
  onlyYouInvite: 'Only you are here. Invite people',
  secondWindow: 'Open a second window',
  dismiss: 'Dismiss',
  documentTab: 'Doc',
  chatTab: 'Chat',
  peopleTab: 'People',
  unread: (n: number): string => `${n} unread`,
  joinAs: 'Join as',
  yourName: 'Your name',
  join: 'Join',
} as const

/** What the status pill says about the reader's own work, and what its button does. */
export const status = {
  opening: 'Opening…',
  saved: 'Saved',
  saving: 'Saving…',
  slow: 'Saving is slow. Your work is on this device',
  reconnecting: 'Reconnecting…',
  offline: 'Offline. You can keep writing',
  offlineKept: (changes: number): string => `Offline. ${plural(changes, 'change', 'changes')} kept on this device`,
  onlyInThisTab: 'Offline. Changes live only in this tab. Keep it open',
  refused: 'Not saved. Keep a copy',
  signedOut: 'Signed out. Sign in to sync',
  forbidden: 'You no longer have access. Keep a copy',
  deleted: 'This space was deleted. Keep a copy',
  tooOld: 'Reload to continue. Nothing is lost',
  full: 'This space is full',
  notConnected: 'Not connected',
  hints: { rescue: 'Download a copy', retry: 'Try now', signin: 'Sign in', reload: 'Reload this page' },
} as const

export const page = {
  label: 'Page',
  placeholder: 'Write something, or paste notes.',
  selection: 'Selection',
  discuss: 'Discuss',
  discussHint: 'Talk about the selected text (Ctrl+Alt+M)',
  taskDone: 'Done',
  someone: 'Someone',
} as const

export const rail = {
  goTo: (what: string): string => `Go to ${what}`,
} as const

const states = { active: 'Here now', idle: 'Idle', away: 'Away' } as const

export const avatars = {
  label: 'People here',
  more: (n: number): string => `${n} more`,
  /** A person who is not active: "Mika (idle)". */
  withState: (name: string, state: keyof typeof states): string => `${name} (${lowerCase(states[state])})`,
} as const

export const people = {
  label: 'People',
  states,
  onDevices: (n: number): string => `on ${n} devices`,
  you: '(you)',
  justYou: 'Just you. Send someone the link.',
  goThere: 'Go there',
  goThereLabel: (name: string): string => `Go there: ${name}`,
  earlier: 'Earlier',
  elsewhere: 'Online, elsewhere',
  notHere: 'Not here',
  lastSeen: (ago: string): string => `Last seen ${ago}`,
} as const

export const bell = {
  label: 'Notifications',
  labelUnread: (n: number): string => `Notifications, ${n} unread`,
  /** The number on the bell, which has room for two digits and a sign. */
  badge: (n: number): string => n > 99 ? '99+' : String(n),
  markAllRead: 'Mark all read',
  empty: 'Nothing new. You will see mentions and replies here.',
  showOlder: 'Show older',
  /** Web push on this device: the state, what it means, and the button that changes it. */
  push: {
    on: { title: 'On for this browser', detail: 'Mentions reach you when this tab is closed.', button: 'Turn off' },
    off: { title: 'Get mentions on this device', detail: 'Only when someone writes your name.', button: 'Turn on' },
    asking: { title: 'Your browser is asking…', detail: 'Choose Allow to get mentions.' },
    denied: { title: 'Blocked in browser settings', detail: 'Allow notifications for this site to get mentions here.' },
    needsInstall: { title: 'Get mentions on this device', detail: 'Share, then Add to Home Screen, then open Weft from there.' },
    inFrame: { title: 'Get mentions on this device', detail: 'Open this space in a tab of its own first.' },
    failed: { title: 'That did not work', button: 'Try again' },
  },
} as const

export const chat = {
  label: 'Chat',
  thread: 'Thread',
  back: 'Back to the chat',
  empty: 'No messages yet. Say what you are working on, or select text in the page and choose Discuss.',
  noReplies: 'No replies yet.',
  replies: (n: number): string => plural(n, 'reply', 'replies'),
  joinToWrite: 'Join to write.',
  newRule: 'New',
  newBelow: (n: number, author: string | undefined): string => `${n} new${author === undefined ? '' : `, from ${author}`}`,
  joined: (names: readonly string[]): string =>
    `${list(names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} others`] : names)} joined`,
  renamed: (before: string, now: string): string => `${before} is now ${now}`,
  /** From three people on nobody is named: names that come and go would be restless. */
  typing: (names: readonly string[]): string => names.length === 0 ? ''
    : names.length > 2 ? 'Several people are typing' : `${list(names)} ${names.length === 1 ? 'is' : 'are'} typing`,
  /** What a screen reader says of one new message, and of several. */
  announceOne: (author: string, mentionsMe: boolean, text: string): string => `${author}${mentionsMe ? ' mentions you' : ''}: ${text}`,
  announceMany: (n: number, authors: readonly string[], mentionsMe: boolean): string =>
    `${plural(n, 'new message', 'new messages')} from ${list(authors)}${mentionsMe ? ', you are mentioned' : ''}`,
  mentionsYou: 'mentions you',
  removed: 'Message removed',
  queued: 'Will send when online',
  edited: 'Edited',
  editedBy: (name: string): string => `Edited by ${name}`,
  notSent: (why: string): string => `Not sent. ${why}`,
  notChanged: (why: string): string => `Not changed. ${why}`,
  retry: 'Retry',
  copy: 'Copy',
  actions: 'Message actions',
  react: 'React',
  reply: 'Reply in thread',
  edit: 'Edit',
  remove: 'Delete',
  confirmRemove: 'Delete this message?',
  keep: 'Keep',
  reactionLabel: (emoji: string, n: number, names: string): string => `${emoji} ${n}, ${names}`,
  oneEmoji: 'One emoji',
  otherEmoji: 'Other emoji',
  emoji: { '👍': 'Thumbs up', '❤️': 'Heart', '😂': 'Tears of joy', '🎉': 'Party', '🤯': 'Mind blown', '👀': 'Eyes' },
  you: 'You',
  someone: 'Someone',
  quoteEdited: 'Edited since',
  quoteRemoved: 'Removed from the page',
  showQuote: 'Show in the page',
} as const

export const composer = {
  label: 'Message',
  placeholder: 'Message the group',
  reply: 'Reply in the thread',
  editing: 'Editing',
  cancel: 'Cancel',
  save: 'Save',
  send: 'Send',
  removeQuote: 'Remove the quote',
  mention: 'Mention someone',
  peopleToMention: 'People to mention',
} as const

export const search = {
  label: 'Search messages',
  results: 'Messages found',
  more: 'More',
  nothingMatches: (query: string): string => `Nothing matches ‘${query}’`,
  found: (n: number, hasMore: boolean): string => `${n}${hasMore ? ' or more' : ''} found`,
} as const

export const times = {
  today: 'Today',
  yesterday: 'Yesterday',
  justNow: 'just now',
  minutesAgo: (n: number): string => `${n} min ago`,
} as const

/** The notifications of the service worker. */
export const worker = {
  newActivity: 'New activity',
  several: (n: number, room: string): string => `${n} new${room === '' ? '' : ` in ${room}`}`,
  line: (author: string, text: string): string => `${author}: ${text}`,
} as const
