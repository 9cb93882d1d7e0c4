import { commandGroup, type Command } from './command';

const command = 'npm run models --';

/** The `models` command: the registry of trained models, and what is done with them. */
export const modelsCommand: Command = commandGroup({
  command,
  summary: 'Keeps trained models in order: the folders of trained_models are the registry.',
  actions: {
    list: {
      takes: '',
      summary: 'List all models with their figures, the best marked.',
      load: async () => (await import('./models/list.js')).listCommand,
    },
    show: {
      takes: 'NAME',
      summary: 'Tell everything known of one model.',
      load: async () => (await import('./models/show.js')).showCommand,
    },
    tree: {
      takes: '',
      summary: 'Print the registry’s layout, and what each file is.',
      load: async () => (await import('./models/list.js')).treeCommand,
    },
    check: {
      takes: '[NAME…]',
      summary: 'Check every folder against the guide; --fix mends what it can.',
      load: async () => (await import('./models/check.js')).checkCommand,
    },
    card: {
      takes: 'NAME',
      summary: 'Write a model’s README.md: figures, recipe, limits, how to load it.',
      load: async () => (await import('./models/show.js')).cardCommand,
    },
    compare: {
      takes: 'NAME …',
      summary: 'Set models against a baseline or the last release, in words and numbers.',
      load: async () => (await import('./models/compare.js')).compareModelsCommand,
    },
    release: {
      takes: 'NAME',
      summary: 'Give a model the next version, and keep it under releases/.',
      load: async () => (await import('./models/release.js')).releaseCommand,
    },
    changelog: {
      takes: 'NAME',
      summary: 'Print what changed from release to release.',
      load: async () => (await import('./models/compare.js')).changelogCommand,
    },
    diff: {
      takes: 'NAME [VERSION] [VERSION]',
      summary: 'Tell how two releases differ, or a release and what the folder holds now.',
      load: async () => (await import('./models/compare.js')).diffCommand,
    },
    promote: {
      takes: 'NAME',
      summary: 'Make the production checkpoint, and evaluate it.',
      load: async () => (await import('./models/release.js')).promoteCommand,
    },
    stage: {
      takes: 'NAME STAGE',
      summary: 'Set a model’s stage: development, production or archived.',
      load: async () => (await import('./models/archive.js')).stageCommand,
    },
    archive: {
      takes: 'NAME',
      summary: 'Compress a model folder; it is listed still.',
      load: async () => (await import('./models/archive.js')).archiveCommand,
    },
    restore: {
      takes: 'NAME',
      summary: 'Bring an archived model back.',
      load: async () => (await import('./models/archive.js')).restoreCommand,
    },
    prune: {
      takes: '',
      summary: 'Archive all but the best.',
      load: async () => (await import('./models/archive.js')).pruneCommand,
    },
    pack: {
      takes: 'NAME',
      summary: 'Make one file to share, with checksums and examples.',
      load: async () => (await import('./models/pack.js')).packCommand,
    },
    unpack: {
      takes: 'FILE.tar.gz',
      summary: 'Make a model folder of a pack, which is verified first.',
      load: async () => (await import('./models/pack.js')).unpackCommand,
    },
    verify: {
      takes: 'NAME|FILE.tar.gz',
      summary: 'Check files against their checksums.',
      load: async () => (await import('./models/check.js')).verifyCommand,
    },
    monitor: {
      takes: 'NAME',
      summary: 'Evaluate a released model on new data, and watch for a drop.',
      load: async () => (await import('./models/monitor.js')).monitorCommand,
    },
    'git-setup': {
      takes: '',
      summary: 'Prepare the git repository for large files, with a check before each commit.',
      load: async () => (await import('./models/check.js')).gitSetupCommand,
    },
  },
  examples: [
    [`${command} list --sort gloss_acc`, 'the most accurate first'],
    [`${command} release transformer_baseline_09-20 --bump minor --notes "More clips of numbers"`, 'the next version'],
    [`${command} check --fix`, 'everything in order?'],
    [`${command} card my_model_baseline_09-20 --model ./my-model.ts`, 'of a model of your own: the file that defines it'],
  ],
  epilogue: 'docs/life-of-a-model.md tells the story, trained_models/TRAINED_MODEL_GUIDE.md the rest.',
});
