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
    check: {
      takes: '[NAME…]',
      summary: 'Holds every folder against the guide; --fix mends what it can.',
      load: async () => (await import('./models/check.js')).checkCommand,
    },
    stage: {
      takes: 'NAME STAGE',
      summary: 'development, production or archived.',
      load: async () => (await import('./models/stage.js')).stageCommand,
    },
    archive: {
      takes: 'NAME',
      summary: 'Compresses a model folder; it is listed still.',
      load: async () => (await import('./models/archive.js')).archiveCommand,
    },
    restore: {
      takes: 'NAME',
      summary: 'Brings an archived model back.',
      load: async () => (await import('./models/restore.js')).restoreCommand,
    },
    prune: {
      takes: '',
      summary: 'Archives all but the best.',
      load: async () => (await import('./models/prune.js')).pruneCommand,
    },
    pack: {
      takes: 'NAME',
      summary: 'One file to share, with checksums and examples.',
      load: async () => (await import('./models/pack.js')).packCommand,
    },
    unpack: {
      takes: 'FILE.tar.gz',
      summary: 'Makes a model folder of a pack, which is verified first.',
      load: async () => (await import('./models/unpack.js')).unpackCommand,
    },
    verify: {
      takes: 'NAME|FILE.tar.gz',
      summary: 'Holds files against their checksums.',
      load: async () => (await import('./models/verify.js')).verifyCommand,
    },
    promote: {
      takes: 'NAME',
      summary: 'Makes the production checkpoint, and evaluates it.',
      load: async () => (await import('./models/promote.js')).promoteCommand,
    },
    release: {
      takes: 'NAME',
      summary: 'Gives a model the next version, and keeps it under releases/.',
      load: async () => (await import('./models/release.js')).releaseCommand,
    },
    changelog: {
      takes: 'NAME',
      summary: 'What changed from release to release.',
      load: async () => (await import('./models/changelog.js')).changelogCommand,
    },
    diff: {
      takes: 'NAME [VERSION] [VERSION]',
      summary: 'How two releases differ, or a release and what the folder holds now.',
      load: async () => (await import('./models/diff.js')).diffCommand,
    },
  },
  examples: [
    [`${command} list --sort gloss_acc`, 'the most accurate first'],
    [`${command} show transformer_baseline_09-20`, 'one of them'],
  ],
  epilogue: 'trained_models/TRAINED_MODEL_GUIDE.md tells more.',
});
