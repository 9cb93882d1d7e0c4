import type { Command } from './command';

/** A command's line in the list of commands, and its code, loaded only when it is asked for. */
export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** The commands by name. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  train: { summary: 'Train a model, or go on with a training.', load: async () => (await import('./train.js')).trainCommand },
  sweep: {
    summary: 'Train with several values and seeds, and say which did best.',
    load: async () => (await import('./sweep.js')).sweepCommand,
  },
  watch: { summary: 'Show a training that runs in another terminal.', load: async () => (await import('./watch.js')).watchCommand },
  app: { summary: 'Recognise clips in a page of the browser, and by an API.', load: async () => (await import('./app.js')).appCommand },
  evaluate: { summary: 'Evaluate a trained model on labelled clips.', load: async () => (await import('./evaluate.js')).evaluateCommand },
  predict: { summary: 'Recognise the sign in a clip.', load: async () => (await import('./predict.js')).predictCommand },
  convert: {
    summary: 'Look into, import and export checkpoints of PyTorch.',
    load: async () => (await import('./convert.js')).convertCommand,
  },
  compare: { summary: 'Compare trained models on the same clips.', load: async () => (await import('./compare.js')).compareCommand },
  models: {
    summary: 'Keep trained models in order: list, check, release, share.',
    load: async () => (await import('./models.js')).modelsCommand,
  },
  features: {
    summary: "Compute InceptionV3's features of frames.",
    load: async () => (await import('./features.js')).featuresCommand,
  },
  data: {
    summary: 'Make, check, split and pack data sets: from videos or landmarks.',
    load: async () => (await import('./data.js')).dataCommand,
  },
  'demo-data': {
    summary: 'Write the synthetic demo set as a data folder.',
    load: async () => (await import('./demo-data.js')).demoDataCommand,
  },
};

/** What is no command of this program, but typed as one: it works before anything is installed. */
const SCRIPTS = [
  ['setup', "Prepare TensorFlow's native library on purpose."],
  ['doctor', 'Say what is there and what is missing.'],
] as const;

/** What is printed where no command is named. */
export function listOfCommands(): string {
  const all = [...Object.entries(commands).map(([name, { summary }]) => [name, summary] as const), ...SCRIPTS];
  const width = Math.max(...all.map(([name]) => name.length));
  const lines = all.map(([name, summary]) => `  npm run ${name.padEnd(width)}  ${summary}`);
  return ['Kumpas trains sign-language recognisers.', '', ...lines, '', 'Each has a --help: npm run train -- --help', ''].join('\n');
}
