// What the API answers about trainings: the server writes it, and the page Training reads it.

/** What is known of a run without its epochs. */
export interface RunSummary {
  readonly name: string;
  readonly model: string;
  readonly created: string;
  readonly data: string | null;
  readonly state: 'running' | 'stopping' | 'finished' | 'stopped' | 'killed';
  readonly epochs: number;
  readonly completed_epochs: number;
  /** Whether its categories say anything. */
  readonly has_categories: boolean;
  readonly best: { readonly epoch: number; readonly gloss_acc: number } | null;
  /** What it is at work on: null where it does not run. */
  readonly at_work: {
    /** Null where the epochs are done, and the best one is being evaluated. */
    readonly epoch: number | null;
    /** How much of that epoch is done, from 0 to 1, by the time that the others took; null in the first. */
    readonly share: number | null;
    readonly seconds: number;
    /** Seconds to the end of the training at the pace so far; null in the first epoch. */
    readonly seconds_left: number | null;
  } | null;
}

/** An epoch as answers have it: the names of `metrics.jsonl`. */
export interface EpochFigures {
  readonly epoch: number;
  readonly train_loss: number;
  readonly val_loss: number;
  readonly gloss_acc: number;
  readonly cat_acc: number;
  readonly lr: number;
  readonly gradient_norm: number;
  readonly memory_mb: number;
  readonly seconds: number;
  readonly clips_per_second: number;
  readonly best: boolean;
}

/** A training that the app was asked for, from the moment on when its process began. */
export interface StartedTraining {
  /** `1` is the first that the app was asked for. */
  readonly id: string;
  /** The model that is trained, `transformer` say. */
  readonly model: string;
  /** The command line that does the same in a terminal. */
  readonly command: string;
  /** `starting` until its model folder is there; `failed` where it ended by itself with an error. */
  readonly state: 'starting' | 'running' | 'ended' | 'failed';
  /** The name of its run; null until it has one. */
  readonly run: string | null;
  /** The last lines that it printed, where it is starting or has failed. */
  readonly output: string;
}

/** A setting that can be filled in. */
export interface Field {
  readonly key: string;
  readonly description: string;
  readonly expected: string;
  readonly choices: readonly string[] | null;
  /** Whether one mostly leaves it as it is. */
  readonly is_further: boolean;
}

/** What may be chosen for a training. */
export interface TrainingChoices {
  readonly models: readonly {
    readonly name: string;
    readonly fields: readonly Field[];
    readonly presets: readonly {
      /** Empty for the model's usual settings. */
      readonly name: string;
      /** What fields are where they are left empty: trained on the demo set, and on other data. */
      readonly defaults: { readonly demo: Readonly<Record<string, string>>; readonly data: Readonly<Record<string, string>> };
    }[];
  }[];
  readonly data: readonly { readonly value: string; readonly title: string }[];
}
