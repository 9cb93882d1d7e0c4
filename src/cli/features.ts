import type { ExtractedFeatures } from '../evaluation/frame-features/extract-features';
import { featuresOptions } from '../evaluation/options';
import { fetchedBackbone } from '../foundation/caches';
import { verbCommand, type Command } from './command';
import { jsonFlag } from './flags';
import { ExtractionBar, hooksOf } from './progress';
import { secondsText } from './quantities';

/** The `features` command. */
export const featuresCommand: Command = verbCommand(
  {
    command: 'npm run features --',
    summary: "Computes InceptionV3's features of frames: clips of pictures become clips with X2048, to train iv3_gru on.",
    options: featuresOptions,
    flags: jsonFlag,
    examples: [
      [
        'npm run features -- --frames frames/ --out features/ --backbone inception_v3.pth',
        'every clip of a folder; typed again, it goes on where it was',
      ],
      [
        'npm run train -- --model iv3_gru --data features/',
        'train on them, where frames/ was a data folder with frames_train/ and its like',
      ],
    ],
  },
  async ({ options: { backbone = fetchedBackbone(process.env), ...options }, flags }, terminal) => {
    const { extractFeatures } = await import('../evaluation/frame-features/extract-features.js'); // With TensorFlow: only when it is needed.
    const json = flags['json'] === true;
    const { output, errors } = terminal;
    const bar = new ExtractionBar(json ? errors : output);
    const hooks = hooksOf(terminal, flags);
    const extracted = await extractFeatures(
      { ...options, backbone },
      {
        ...hooks,
        onEvent: (event) => {
          if (event.kind === 'start') {
            const { encoder, backbone: weights, device, clips } = event;
            if (!json) output.write(`${encoder}\n  weights  ${weights}\n  device   ${device}\n  clips    ${clips}\n`);
          } else if (event.kind === 'clips-computed') {
            bar.show(event.done, event.total, event.frames ?? 0);
          } else {
            if (event.kind === 'clip-left-out') bar.clear();
            hooks.onEvent(event);
          }
        },
      },
    );
    bar.clear();
    output.write(json ? extractionJson(extracted) : extractionText(extracted));
    return extracted.problems.length === 0 ? 0 : 1;
  },
);

function extractionText({ out, computed, skipped, frames, problems, seconds }: ExtractedFeatures): string {
  const lines = [
    `${computed} clips computed, ${skipped} were there already, ${problems.length} could not be used`,
    ...(frames === 0 ? [] : [`${frames} frames in ${secondsText(seconds)}, ${(frames / seconds).toFixed(1)} a second`]),
    out,
  ];
  return `${lines.join('\n')}\n`;
}

function extractionJson({ from, out, backbone, computed, skipped, frames, problems }: ExtractedFeatures): string {
  return `${JSON.stringify({ from, out, backbone, computed, skipped, frames, problems }, null, 2)}\n`;
}
