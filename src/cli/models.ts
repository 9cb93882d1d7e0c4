import type { Command } from './command';
import { commandGroup } from './command-group';

const command = 'npm run models --';

/** The `models` command: the registry of trained models, and what is done with them. */
export const modelsCommand: Command = commandGroup({
  command,
  summary: 'Keeps trained models in order: the folders of trained_models are the registry.',
  actions: {
    list: {
      takes: '',
      summary: 'All models with their figures, the best marked.',
      load: async () => (await import('./models/list.js')).listCommand,
    },
    show: {
      takes: 'NAME',
      summary: 'Everything known of one model.',
      load: async () => (await import('./models/show.js')).showCommand,
    },
    card: {
      takes: 'NAME',
      summary: 'Write a model’s README.md: figures, recipe, limits, how to load it.',
      load: async () => (await import('./models/card.js')).cardCommand,
    },
    compare: {
      takes: 'NAME …',
      summary: 'Set models against a baseline or the last release, in words and numbers.',
      load: async () => (await import('./models/compare.js')).compareModelsCommand,
    },
    monitor: {
      takes: 'NAME',
      summary: 'Evaluate a released model on new data, and watch for a drop.',
      load: async () => (await import('./models/monitor.js')).monitorCommand,
    },
    'git-setup': {
      takes: '',
      summary: 'Prepare the git repository for large files, with a check before each commit.',
      load: async () => (await import('./models/git-setup.js')).gitSetupCommand,
    },
    tree: {
      takes: '',
      summary: 'The registry’s layout, and what each file is.',
      load: async () => (await import('./models/tree.js')).treeCommand,
    },
  },
  examples: [
    [`${command} list --sort gloss_acc`, 'the most accurate first'],
    [`${command} show transformer_baseline_09-20`, 'one of them'],
  ],
  epilogue: 'trained_models/TRAINED_MODEL_GUIDE.md tells more.',
});
