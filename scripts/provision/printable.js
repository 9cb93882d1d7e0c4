// @ts-check

/** Control characters but line ends and tabs, line and paragraph separators, and changes of direction. */
const STEERING = /(?![\n\r\t])\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/**
 * What a program printed, safe to print: of a damaged library, a loader's message holds whatever bytes lie in it.
 * @param {string} text
 * @returns {string}
 */
function printableOutput(text) {
  return text.replace(STEERING, '\ufffd');
}

module.exports = { printableOutput };
