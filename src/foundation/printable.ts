/** A text from a file as one line that is safe to print: a hostile one may carry control characters to a terminal. */
export function printableLine(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd');
}
