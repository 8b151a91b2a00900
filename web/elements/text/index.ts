// The strings of the pages in the language that is chosen here, and how names,
// times and lists are written in it.
export * from './en.ts'
export { clockTime, dateTime, list, upperCase } from './format.ts'
export { initials, shortName } from './names.ts'
export { ago, dayName, sameDay } from './times.ts'
