import type { CheckpointReading, PlainRecord } from '../checkpoint/training-checkpoint';
import type { ModelName } from '../config/settings';
import type { ModelConfig } from '../models/model';

/** How checkpoints are imported. */
export interface ImportOptions {
  /** The model that they must be of; undefined for whichever they are. */
  readonly model: ModelName | undefined;
  /** What a file may not say of its model, under the names of a checkpoint's config, as `n_heads`. */
  readonly shape: PlainRecord;
  /** Which of its weights are taken, and what its optimiser is where the file leaves it open. */
  readonly reading?: CheckpointReading;
  /** A `labels_reference.csv`. */
  readonly labels: string | undefined;
  /** A word for the folder's name. */
  readonly description: string;
  /** Where the folder is made; undefined for the model's usual place. */
  readonly saveDir: string | undefined;
  readonly date: Date;
  readonly versions: { readonly kumpas: string; readonly node: string };
}

/** What becomes one model folder. */
export interface ImportSource {
  /** The weights to use. */
  readonly best: string;
  /** The state to go on from; undefined where `best` is that too. */
  readonly last?: string | undefined;
  /** The log of the training. */
  readonly log?: string | undefined;
}

/** A model folder that was made of a checkpoint. */
export interface ImportedModel {
  readonly file: string;
  readonly folder: string;
  /** The names of the files in it. */
  readonly files: readonly string[];
  readonly model: ModelName;
  readonly config: ModelConfig;
  readonly epoch: number | undefined;
  readonly bestMetric: number | undefined;
  /** Whether a training can go on from it. */
  readonly resumable: boolean;
  readonly labelled: boolean;
  /** What was taken as usual, left out, or is otherwise than expected; a line each. */
  readonly notes: readonly string[];
}
