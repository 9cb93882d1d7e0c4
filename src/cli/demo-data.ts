import { demoSetOfWidth, writeDemoFolder } from '../data/demo/sets';
import { UserError } from '../foundation/errors';
import { type CommandUsage, plainCommand, type Command } from './command';
import { optionalText, wholeNumber, commonFlags, type FlagTable } from './flags';
import { ownModels } from '../models/model-table';

const defaultFolder = 'demo_data';
const defaultSeed = 42;
const largestSeed = 2 ** 31 - 1;

const demoDataFlags = {
  model: {
    string: true,
    group: 'Demo data:',
    description: 'The model whose kind of clips to write.',
    defaultDescription: ownModels.defaultName,
  },
  out: { string: true, group: 'Demo data:', description: 'The new folder to write.', defaultDescription: defaultFolder },
  seed: {
    string: true,
    group: 'Demo data:',
    description: 'Decides who signs and how every clip turns out.',
    defaultDescription: String(defaultSeed),
  },
  ...commonFlags,
} as const satisfies FlagTable;

const usage: CommandUsage = {
  command: 'npm run demo-data --',
  summary: 'Writes the synthetic demo set as a data folder, to look at and to try things on.',
  flags: demoDataFlags,
  examples: [
    ['npm run demo-data -- --out demo_data', 'write it to demo_data/'],
    ['npm run train -- --data demo_data', 'train on that folder'],
    ['npm run demo-data -- --model iv3_gru --out demo_features', 'clips of features, for --model iv3_gru'],
  ],
};

/** The `demo-data` command. */
export const demoDataCommand: Command = plainCommand(usage, (typed, terminal) => {
  const folder = optionalText(typed, 'out') ?? defaultFolder;
  const { trainClips, validationClips } = writeDemoFolder(folder, seedOf(typed), demoSetOfWidth(ownModels.get(modelOf(typed)).width));
  terminal.output.write(
    `${folder}: the synthetic demo set, ${trainClips} training and ${validationClips} validation clips (made by a generator, nobody was filmed)\n`,
  );
  return 0;
});

function modelOf(typed: Readonly<Record<string, unknown>>): string {
  const model = optionalText(typed, 'model') ?? ownModels.defaultName;
  if (typeof model === 'string' && ownModels.find(model) !== undefined) return model;
  throw new UserError(`--model: expected ${ownModels.names.join(' or ')}, found "${model}"`);
}

function seedOf(typed: Readonly<Record<string, unknown>>): number {
  const seed = wholeNumber(typed, 'seed', 0) ?? defaultSeed;
  if (seed <= largestSeed) return seed;
  throw new UserError(`--seed: expected at most ${largestSeed}, found ${seed}`);
}
