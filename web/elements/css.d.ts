/** A style sheet as text, with its imports; web/build resolves it. */
declare module '*.css?inline' {
  const text: string
  export default text
}
