import { showClip, showOptions } from '../../evaluation/show-clip';
import type { ClipFacts } from '../../evaluation/shown-clip';
import { excerpt, percent, printableLine } from '../../foundation/text';
import { verbCommand, type Command } from '../command';
import { jsonFlag } from '../flags';

const SHOW = 'npm run data -- show';

/** `data show`. */
export const showCommand: Command = verbCommand(
  {
    command: SHOW,
    takes: 'CLIP.npz …',
    positional: 'input',
    summary: 'Shows clips of key points: in words, or drawn as a film (.gif, .mp4) or a sheet of frames (.png).',
    options: showOptions,
    flags: jsonFlag,
    examples: [
      [`${SHOW} clips/keypoints_val/clip_0007.npz`, 'what is in it: frames, seconds, missing points, arrays, meta'],
      [`${SHOW} clip.npz -o clip.gif`, 'a film of the skeleton'],
      [`${SHOW} clip.npz -o clip.png --frames 20`, 'a sheet of twenty frames'],
      [`${SHOW} clips/keypoints_val/*.npz -o films/`, 'a film of every clip'],
    ],
  },
  async ({ options, flags }, terminal) => {
    const { clips } = await showClip(options);
    terminal.output.write(flags['json'] === true ? `${JSON.stringify({ clips }, null, 2)}\n` : wordsOf(clips));
    return 0;
  },
);

/** A block for every clip; where pictures were made, a line for each of them. */
function wordsOf(clips: readonly ClipFacts[]): string {
  const pictures = new Set(clips.flatMap(({ picture }) => picture ?? []));
  if (pictures.size > 0) return [...pictures].map((picture) => `${printableLine(picture)}\n`).join('');
  return clips.map(clipText).join('\n');
}

function clipText({ file, gloss, frames, seconds, framesPerSecond, keypoints, parts, arrays, meta }: ClipFacts): string {
  const shares = (of: 'missing' | 'masked'): string =>
    parts.map((part) => `${part.part.replaceAll('_', ' ')} ${percent(part[of])}`).join(', ');
  const lines: (readonly [string, string])[] = [
    ...(gloss === undefined ? [] : [['gloss', gloss] as const]),
    ['frames', `${frames}, ${seconds.toFixed(2)} s${framesPerSecond === undefined ? '' : ` at ${framesPerSecond.toFixed(1)} a second`}`],
    ...(keypoints === undefined
      ? []
      : ([
          ['key points', `${keypoints.description} (${keypoints.layout})`],
          ['missing', shares('missing')],
        ] as const)),
    ...(parts.some(({ masked }) => masked > 0) ? [['masked', shares('masked')] as const] : []),
    ['arrays', arrays.map(({ name, type, shape }) => `${excerpt(name)} ${type} [${shape.join(', ')}]`).join(', ')],
    ['meta', excerpt(JSON.stringify(meta), 400)],
  ];
  return [printableLine(file), ...lines.map(([name, said]) => `  ${name.padEnd(10)}  ${printableLine(said)}`), ''].join('\n');
}
