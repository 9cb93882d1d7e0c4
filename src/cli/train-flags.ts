import type { CheckpointReading } from '../checkpoint/training-checkpoint';
import { commandLineSource } from '../config/layers';
import { checkOptions } from '../config/options';
import { factsOf } from '../config/setting';
import { checkpointOptions, optimizerOption, readingOf } from '../evaluation/options';
import { commonFlags, keyOf, type FlagTable } from './flags';

/** What was typed after `train`. */
export interface TrainCommandLine {
  /** Settings that were typed, by key or alias: texts, true or false, unchecked. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The `--config` file. */
  readonly configFile: string | undefined;
  /** The run's folder or file to go on with, `newest` for the newest run, undefined for a new training. */
  readonly resume: { readonly from: string } | 'newest' | undefined;
  /** What is read of the checkpoint that is gone on with, or begun with. */
  readonly reading?: CheckpointReading;
  readonly verbose: boolean;
  /** The text to print instead of training. */
  readonly help: string | undefined;
}

/** The flags of `train` that are no settings. */
export const trainFlags = {
  config: { string: true, group: 'General:', description: 'A JSON file of settings; flags win over it.' },
  resume: {
    string: true,
    group: 'General:',
    description: 'Go on with a training: its folder or one of its .pt files; without a value, the newest under --save-dir.',
  },
  key: {
    string: true,
    group: 'General:',
    description: `--resume, --init-from: ${factsOf(checkpointOptions.key).description}`,
    defaultDescription: 'those that were trained, not an average of them',
  },
  'optimizer-was': {
    string: true,
    group: 'General:',
    description: `--resume: ${factsOf(optimizerOption.optimizer_was).description}`,
  },
  eager: { type: 'boolean', group: 'Training:', description: 'The same as --no-compile-model.' },
  ...commonFlags,
} as const satisfies FlagTable;

/** The flags of `train` that are no settings, by key: what "did you mean" may suggest beside settings. */
export const trainFlagKeys: readonly string[] = Object.keys(trainFlags).map(keyOf);

/** What was typed about what is read of the checkpoint that is gone on with, or begun with. @throws UserError for a value that is none. */
export function readingTyped(key: unknown, optimizerWas: unknown): CheckpointReading {
  const values = { key, optimizer_was: optimizerWas };
  return readingOf(checkOptions({ key: checkpointOptions.key, ...optimizerOption }, { source: commandLineSource, values }));
}
