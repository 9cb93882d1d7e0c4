// Draws a clip of the synthetic demo set as a strip of skeletons: docs/pictures/demo-sign.svg. Run with
//   npx tsx scripts/draw-demo-sign.mjs > docs/pictures/demo-sign.svg
import { demoDataset } from '../src/data/demo/generate.ts';

const SEED = 42;
const GLOSS = 'HELLO';
const FIGURES = 6;
const FIGURE = { width: 158, height: 170 };
const MARGIN = 16;
const CAPTION = 44;
const SHOWN = { left: 0.05, right: 0.97, top: 0.08 };

/** Bones by key point: pose 0–24, left hand from 25, right hand from 46; the face's points from 67 are dots. */
const POSE = [
  [11, 12],
  [11, 13],
  [13, 15],
  [12, 14],
  [14, 16],
  [11, 23],
  [12, 24],
  [23, 24],
];
const HAND = [
  [0, 1, 2, 3, 4],
  [0, 5, 6, 7, 8],
  [5, 9],
  [9, 10, 11, 12],
  [9, 13],
  [13, 14, 15, 16],
  [13, 17],
  [0, 17],
  [17, 18, 19, 20],
].flatMap((chain) => chain.slice(1).map((end, index) => [chain[index], end]));
const LAYERS = [
  { bones: POSE, first: 0, colour: '#64748b', thickness: 2.2 },
  { bones: HAND, first: 25, colour: '#b45309', thickness: 1.3 },
  { bones: HAND, first: 46, colour: '#1d4ed8', thickness: 1.4 },
];

const { train, labels } = demoDataset({ seed: SEED });
const gloss = labels.gloss.indexOf(GLOSS);
const clips = train.values.filter((_, index) => train.entries[index].gloss === gloss);
const missing = (values) => values.filter((value) => value === 0).length / values.length;
const [clearest] = clips.toSorted((one, other) => missing(one) - missing(other));
process.stdout.write(draw(clearest, clearest.length / 156));

function draw(values, count) {
  const width = FIGURES * FIGURE.width + 2 * MARGIN;
  const height = FIGURE.height + CAPTION + 2 * MARGIN;
  const chosen = Array.from({ length: FIGURES }, (_, figure) => Math.round((figure * (count - 1)) / (FIGURES - 1)));
  const caption = `Synthetic: a made-up sign that the demo set calls ${GLOSS}, ${count} frames, by a generator. It is no sign of a real language.`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${caption}</title>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="#f8fafc" stroke="#94a3b8"/>`,
    '<g stroke-linecap="round" font-family="system-ui, sans-serif" text-anchor="middle" fill="#334155">',
    ...chosen.flatMap((frame, figure) =>
      drawFigure(values.subarray(frame * 156, (frame + 1) * 156), frame, MARGIN + figure * FIGURE.width),
    ),
    `<text x="${width / 2}" y="${height - MARGIN - 2}" font-size="13">${caption}</text>`,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function drawFigure(keypoints, frame, left) {
  const scale = FIGURE.width / (SHOWN.right - SHOWN.left);
  const placeOf = (index) => {
    const [x, y] = [keypoints[2 * index], keypoints[2 * index + 1]];
    const missing = x === 0 && y === 0;
    return missing ? undefined : [left + (x - SHOWN.left) * scale, MARGIN + (y - SHOWN.top) * scale].map((value) => value.toFixed(1));
  };
  const lines = LAYERS.flatMap(({ bones, first, colour, thickness }) =>
    bones.flatMap(([from, to]) => {
      const [start, end] = [placeOf(first + from), placeOf(first + to)];
      if (start === undefined || end === undefined) return [];
      return [`<path d="M${start.join(' ')}L${end.join(' ')}" stroke="${colour}" stroke-width="${thickness}"/>`];
    }),
  );
  const dots = [0, 7, 8, 9, 10, ...Array.from({ length: 11 }, (_, index) => 67 + index)].flatMap((index) => {
    const place = placeOf(index);
    return place === undefined ? [] : [`<circle cx="${place[0]}" cy="${place[1]}" r="1.5" fill="#64748b"/>`];
  });
  const label = `<text x="${left + FIGURE.width / 2}" y="${MARGIN + FIGURE.height + 14}" font-size="11">frame ${frame}</text>`;
  return [...lines, ...dots, label];
}
