// Draws a recorded terminal session as an SVG: docs/pictures/training.svg is made with it. The session is recorded by util-linux's script:
//   script -qec "stty cols 118; npm run --silent train -- --model transformer" session.typescript
//   node scripts/draw-terminal.mjs session.typescript "npm run train -- --model transformer" > docs/pictures/training.svg
import { readFileSync } from 'node:fs';

const [typescript, command] = process.argv.slice(2);
if (typescript === undefined || command === undefined) {
  console.error('Usage: node scripts/draw-terminal.mjs TYPESCRIPT COMMAND > PICTURE.svg');
  process.exit(1);
}

const ESCAPE = '\u001b';
const CLEAR_LINE = `\r${ESCAPE}[K`;
const EPOCH_LINE = new RegExp(`^(?:${ESCAPE}\\[\\d+m)*epoch +\\d+/\\d+`);
const PIECE = new RegExp(`${ESCAPE}\\[(\\d*)m|([^${ESCAPE}]+)`, 'g');
const COLUMN = 7.8;
const LINE = 19;
const MARGIN = 20;
const TITLE_BAR = 30;
/** Epochs that are drawn at the start and at the end of a training; those between become one line that says so. */
const EPOCHS_SHOWN = { first: 4, last: 5 };
const STYLES = { '': '#d8dee9', 1: '#ffffff', 2: '#8b95a7', 31: '#f48771', 32: '#7ec699', 33: '#e5c07b' };

process.stdout.write(
  draw([`${ESCAPE}[32m$${ESCAPE}[39m ${command}`, ...withoutMiddleEpochs(finalLines(readFileSync(typescript, 'utf8')))]),
);

/** The lines that stay on the screen: of one that was redrawn, what was drawn last. */
function finalLines(session) {
  const lines = session
    .replace(/^Script started[^\n]*\n/, '')
    .replace(/\n?Script done[^\n]*\n?$/, '')
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.split(CLEAR_LINE).at(-1) ?? '');
  while (lines.at(-1) === '') lines.pop();
  return lines;
}

function withoutMiddleEpochs(lines) {
  const epochs = lines.flatMap((line, index) => (EPOCH_LINE.test(line) ? [index] : []));
  const from = epochs[EPOCHS_SHOWN.first];
  const to = epochs[epochs.length - EPOCHS_SHOWN.last];
  if (from === undefined || to === undefined || to - from < 2) return lines;
  return [...lines.slice(0, from), `${ESCAPE}[2m   … ${to - from} epochs …${ESCAPE}[22m`, ...lines.slice(to)];
}

function draw(lines) {
  const rows = lines.map(piecesOf);
  const columns = Math.max(...rows.map((pieces) => pieces.reduce((sum, { text }) => sum + text.length, 0)));
  const width = Math.ceil(columns * COLUMN + 2 * MARGIN);
  const height = TITLE_BAR + rows.length * LINE + MARGIN;
  const texts = rows.flatMap((pieces, row) => drawRow(pieces, TITLE_BAR + (row + 1) * LINE));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>A terminal after ${escaped(command)}</title>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="#1d2230" stroke="#7a8399"/>`,
    ...[0, 1, 2].map((dot) => `<circle cx="${MARGIN + dot * 18}" cy="16" r="5" fill="#4a5368"/>`),
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" xml:space="preserve">`,
    ...texts,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** Each piece states its length, so that columns stay aligned whatever font the viewer has. */
function drawRow(pieces, y) {
  let column = 0;
  return pieces.flatMap(({ text, style }) => {
    const start = column + (text.length - text.trimStart().length);
    column += text.length;
    const shown = text.trim();
    if (shown === '') return [];
    const weight = style === '1' ? ' font-weight="bold"' : '';
    const place = `x="${(MARGIN + start * COLUMN).toFixed(1)}" y="${y}" textLength="${(shown.length * COLUMN).toFixed(1)}"`;
    return [`<text ${place} lengthAdjust="spacingAndGlyphs" fill="${STYLES[style] ?? STYLES['']}"${weight}>${escaped(shown)}</text>`];
  });
}

/** A line's text between changes of colour; long gaps part a piece too, as their width would be drawn into the letters. */
function piecesOf(line) {
  const pieces = [];
  let style = '';
  for (const [, code, text] of line.matchAll(PIECE)) {
    if (text === undefined) style = ['22', '39', '0', ''].includes(code) ? '' : code;
    else pieces.push(...text.split(/(?<= {2})(?! )/).map((part) => ({ text: part, style })));
  }
  return pieces;
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
