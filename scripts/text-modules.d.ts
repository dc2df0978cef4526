// SQL and Lua files are imported as the text they hold; the build embeds them (tsup-library.ts), the tests load them (text-modules.ts).
declare module '*.sql' {
  const text: string
  export default text
}
declare module '*.lua' {
  const text: string
  export default text
}
