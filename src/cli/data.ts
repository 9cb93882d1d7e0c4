import { commandGroup, type Command } from './command';

const command = 'npm run data --';

/** The `data` command: from videos or landmarks to a set that is checked, split and labelled. */
export const dataCommand: Command = commandGroup({
  command,
  summary: 'Makes data sets of videos and landmarks, checks, splits, labels and packs them.',
  actions: {
    extract: {
      summary: 'Clips of videos, by MediaPipe.',
      takes: '',
      load: async () => (await import('./data/extract.js')).extractCommand,
    },
    import: {
      summary: 'Landmarks in a widespread format become clips.',
      takes: 'DIR',
      load: async () => (await import('./data/import.js')).importCommand,
    },
    validate: {
      summary: 'Check a set: tables, every clip, and the clips beside each other.',
      takes: 'SET',
      load: async () => (await import('./data/validate.js')).validateCommand,
    },
    stats: {
      summary: 'Count and measure a set: clips, lengths, glosses, signers, missing points.',
      takes: 'SET',
      load: async () => (await import('./data/stats.js')).statsCommand,
    },
    split: {
      summary: 'Divide clips into training and validation: the folder that train --data takes.',
      takes: 'CLIPS',
      load: async () => (await import('./data/split.js')).splitCommand,
    },
    labels: {
      summary: 'Labels from folders or file names, tables mended, collections merged.',
      takes: 'FOLDER|FILE.csv',
      load: async () => (await import('./data/labels.js')).labelsCommand,
    },
    show: {
      summary: 'What is in clips: in words, as a film, as a sheet of frames.',
      takes: 'CLIP.npz …',
      load: async () => (await import('./data/show.js')).showCommand,
    },
    augment: {
      summary: 'What each part of an augmentation does to a clip, as a picture.',
      takes: 'CLIP.npz',
      load: async () => (await import('./data/augment.js')).augmentCommand,
    },
    pack: {
      summary: 'A set as one file, which --data takes too.',
      takes: 'DIR',
      load: async () => (await import('./data/pack.js')).packCommand,
    },
    unpack: {
      summary: 'A folder of it again.',
      takes: 'FILE',
      load: async () => (await import('./data/pack.js')).unpackCommand,
    },
  },
  examples: [
    [`${command} extract --videos videos/ --out clips/`, 'videos become clips'],
    [`${command} import MP_Data --out clips`, 'clips of landmarks, whatever their format'],
    [`${command} validate clips/`, 'what is wrong with a set, and what to do about it'],
    [`${command} split clips/ --out set`, 'divides clips into training and validation'],
    [`${command} show clip.npz -o clip.gif`, 'a film of the skeleton'],
    [`${command} pack clips/`, 'clips.kumpas.safetensors: one file in place of thousands'],
  ],
  epilogue: 'docs/data-tools.md tells the whole way, from videos to a trained model.',
});
