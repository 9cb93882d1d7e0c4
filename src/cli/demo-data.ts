import { demoData, demoDataOptions } from '../training/open-training-data';
import { verbCommand, type Command } from './command';
import { modelsGiven } from './model-flags';

/** The `demo-data` command. */
export const demoDataCommand: Command = verbCommand(
  {
    command: 'npm run demo-data --',
    summary: 'Writes the synthetic demo set as a data folder, to look at and to try things on.',
    options: demoDataOptions,
    flags: {},
    examples: [
      ['npm run demo-data -- --out demo_data', 'write it to demo_data/'],
      ['npm run train -- --data demo_data', 'train on that folder'],
      ['npm run demo-data -- --model iv3_gru --out demo_features', 'clips of features, for --model iv3_gru'],
    ],
  },
  ({ options }, terminal) => {
    const { models, given } = modelsGiven(options.model);
    const { folder, trainClips, validationClips } = demoData({ ...options, model: given?.name ?? options.model }, { models });
    terminal.output.write(
      `${folder}: the synthetic demo set, ${trainClips} training and ${validationClips} validation clips (made by a generator, nobody was filmed)\n`,
    );
    return 0;
  },
);
