import { commandGroup, type Command } from './command';

const command = 'npm run data --';

/** The `data` command: from videos or landmarks to a set that is checked, split and labelled. */
export const dataCommand: Command = commandGroup({
  command,
  summary: 'Makes data sets of videos and landmarks, checks, splits, labels and packs them.',
  actions: {},
  examples: [],
  epilogue: 'docs/data-tools.md tells the whole way, from videos to a trained model.',
});
