const LONGEST = 60;

/** The start of a text from a file, for a message: a hostile one may be of any length. */
export function excerpt(text: string, longest = LONGEST): string {
  return text.length <= longest ? text : `${text.slice(0, longest).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
