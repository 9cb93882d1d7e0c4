import { UserError } from '../foundation/errors';
import { type CommandUsage, plainCommand, type Command } from './command';
import { optionalText, requiredText, commonFlags, jsonFlag, type FlagTable } from './flags';

const featuresFlags = {
  frames: {
    string: true,
    group: 'Features:',
    description: 'Folder of clips, in folders of any depth: of each a folder of .jpg and .png pictures, or an .npz with frames.',
  },
  out: {
    string: true,
    group: 'Features:',
    description: 'Folder to write the clips of features to, under the same names. What is done there is left alone.',
  },
  backbone: {
    string: true,
    group: 'Features:',
    description:
      "InceptionV3's weights: torchvision's state_dict, or a checkpoint that holds them. docs/inception.md tells where to get them.",
    defaultDescription: 'those that torchvision has fetched on this machine',
  },
  'frames-key': {
    string: true,
    group: 'Features:',
    description: 'The array in an .npz that holds frames, uint8 [frames, height, width, 3].',
    defaultDescription: 'frames',
  },
  'transform-input': {
    type: 'boolean',
    group: 'Features:',
    description: "Whether the weights want (x − 0.5) / 0.5 in place of ImageNet's normalisation, as torchvision's do.",
    defaultDescription: 'as the file says, else true',
  },
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

const usage: CommandUsage = {
  command: 'npm run features --',
  summary: "Computes InceptionV3's features of frames: clips of pictures become clips with X2048, to train iv3_gru on.",
  flags: featuresFlags,
  examples: [
    [
      'npm run features -- --frames frames/ --out features/ --backbone inception_v3.pth',
      'every clip of a folder; typed again, it goes on where it was',
    ],
    ['npm run train -- --model iv3_gru --data features/', 'train on them, where frames/ was a data folder with frames_train/ and its like'],
  ],
};

/** The `features` command. */
export const featuresCommand: Command = plainCommand(usage, async (typed, terminal) => {
  const transformInput = typed['transform-input'];
  if (transformInput !== undefined && typeof transformInput !== 'boolean')
    throw new UserError('--transform-input: expected no value; --no-transform-input is its opposite');
  const request = {
    frames: requiredText(typed, 'frames', 'the folder of clips'),
    out: requiredText(typed, 'out', 'the folder to write features to'),
    backbone: optionalText(typed, 'backbone'),
    framesKey: optionalText(typed, 'frames-key') ?? 'frames',
    transformInput,
    json: typed['json'] === true,
    verbose: typed['verbose'] === true,
  };
  const { runFeatures } = await import('./run-features.js'); // With TensorFlow: only when it is needed.
  return await runFeatures(request, terminal);
});
