import { isModelFile } from '../models/model-file';

/** What becomes of a flag of the PyTorch pipeline that people bring along, and that has no alias among the settings. */
interface BroughtFlag {
  /** Whether a value follows it. */
  readonly takesValue?: boolean;
  /** Whether it is brought along only where no value follows it: with one it is a setting of this program. */
  readonly bare?: boolean;
  /** What is read in its place: flags as they would be typed here. `$` stands for its value. */
  readonly as?: readonly string[];
  /** What is said of it, where it is left out or changed. */
  readonly note?: string;
  /** Why nothing can be done with it, and what there is instead: it is refused. */
  readonly instead?: string;
  /** The value with which it is not refused but left out, with its note. */
  readonly unlessValue?: string;
  /** Whether a value makes it such a flag, where this program has one of that name too. */
  readonly only?: (value: string) => boolean;
}

/** Flags that a command does not have, by name. */
export type BroughtFlags = Readonly<Record<string, BroughtFlag>>;

const withValue = (note: string): BroughtFlag => ({ takesValue: true, note });

const device = withValue('the GPU is taken where there is one that TensorFlow can use; KUMPAS_BACKEND=cpu asks for the processor');
const reading = 'not needed: clips are read ahead while a step is computed';

const theirAugmentation: BroughtFlag = {
  bare: true,
  as: ['--augment-noise', '0.3', '--augment-noise-std', '0.01', '--augment-time-mask', '0.1', '--augment-time-mask-share', '0.1'],
  note: 'noise and time mask as there; --augment light and --augment strong do more',
};

/** Of its `training/train.py`. */
export const flagsOfTrain: BroughtFlags = {
  'num-workers': withValue(reading),
  'prefetch-factor': withValue(reading),
  'auto-workers': { note: reading },
  'pin-memory': { note: reading },
  'no-pin-memory': { note: reading },
  'persistent-workers': { note: reading },
  'log-csv': withValue('not needed: every epoch is in training_log.txt of the model folder, as comma-separated values'),
  'no-pretrained-backbone': { note: 'not needed: no weights of InceptionV3 are taken unless --backbone names them' },
  device,
  'loss-weighting': {
    takesValue: true,
    only: (value) => /^grid[-_]?search$/.test(value),
    instead:
      'grid-search is no training but many: npm run sweep -- --loss-weights --seeds 3 --out sweeps/weights, with the other flags as here, tries them and writes the settings that won',
  },
  augment: theirAugmentation,
  augmentation: theirAugmentation,
};

const modelPath: BroughtFlag = { takesValue: true, as: ['--model-path', '$'] };
const modelName: BroughtFlag = {
  ...withValue('not needed: a checkpoint says itself which model it is of'),
  only: (value) => !isModelFile(value),
};

/** Of its `evaluation/validation/validate.py`. */
export const flagsOfEvaluate: BroughtFlags = {
  checkpoint: modelPath,
  'checkpoint-path': modelPath,
  model: modelName,
  'data-dir': { takesValue: true, as: ['--data', '$'] },
  'labels-csv': { takesValue: true, as: ['--labels-val-csv', '$'] },
  'num-workers': withValue(reading),
  device,
};

/** Of its `evaluation/prediction/predict.py`. */
export const flagsOfPredict: BroughtFlags = {
  checkpoint: modelPath,
  'checkpoint-path': modelPath,
  model: modelName,
  'npz-path': { takesValue: true, as: ['--input', '$'] },
  device,
  'list-models': { instead: 'npm run models -- list shows the trained models' },
  fps: { takesValue: true, instead: 'clips are key points, features or pictures, with a frame for each that the model sees' },
  'image-size': { takesValue: true, instead: 'pictures are brought to the 299 × 299 pixels that InceptionV3 sees' },
};

/** A command line with the flags of this program alone, and what is to be said of the others. */
interface TranslatedArguments {
  readonly argv: readonly string[];
  /** Of flags that were left out or changed. */
  readonly notes: readonly string[];
  /** Of flags that nothing can be done with. */
  readonly refusals: readonly string[];
}

/** Puts this program's flags in place of those that were brought along. @param argv spelt with dashes. */
export function translated(argv: readonly string[], brought: BroughtFlags): TranslatedArguments {
  const [kept, notes, refusals]: [string[], string[], string[]] = [[], [], []];
  const end = argv.indexOf('--');
  const left = argv.slice(0, end === -1 ? argv.length : end);
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const [, name = '', given] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const flag = Object.hasOwn(brought, name) ? brought[name] : undefined;
    const mayHaveValue = flag?.takesValue === true || flag?.bare === true;
    const value = given ?? (mayHaveValue && left[0]?.startsWith('-') === false ? left[0] : undefined);
    if (flag === undefined || isOurs(flag, value)) {
      kept.push(word);
      continue;
    }
    if (given === undefined && value !== undefined) left.shift();
    const isRefused = flag.instead !== undefined && (value === undefined || flag.unlessValue !== value);
    if (isRefused) refusals.push(`--${name}: ${flag.instead}`);
    else if (flag.note !== undefined) notes.push(`--${name}: ${flag.note}`);
    kept.push(...(flag.as ?? []).flatMap((part) => (part !== '$' ? [part] : value === undefined ? [] : [value])));
  }
  return { argv: [...kept, ...(end === -1 ? [] : argv.slice(end))], notes, refusals };
}

/** Whether a flag with that value is one of this program's own, of the same name. */
function isOurs({ bare = false, only }: BroughtFlag, value: string | undefined): boolean {
  if (bare) return value !== undefined;
  return only !== undefined && (value === undefined || !only(value));
}
