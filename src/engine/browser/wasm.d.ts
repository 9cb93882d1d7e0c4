/** What Vite makes of a file that is imported by its address. */
declare module '*.wasm?url' {
  const address: string;
  export default address;
}
