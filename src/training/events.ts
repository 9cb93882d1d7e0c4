/** A label and its value, as the header and the summary of a training show them. */
export type Fact = readonly [label: string, value: string];

/** Something that happened in a training, told to whoever shows or records it. */
export type TrainingEvent = TrainingStarted | EpochStarted | StepDone | EpochDone | TrainingNote | TrainingDone;

/** Takes the events of a training, in the order in which they happen. */
export interface TrainingReporter {
  report(event: TrainingEvent): void;
}

/** Everything is in place; the first epoch follows. */
export interface TrainingStarted {
  readonly kind: 'start';
  /** What is trained, in a few words. */
  readonly title: string;
  /** Device, threads, data, parameters and the like. */
  readonly facts: readonly Fact[];
}

export interface EpochStarted {
  readonly kind: 'epoch-start';
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
}

/** A batch was trained on. */
export interface StepDone {
  readonly kind: 'step';
  /** Batches done in this epoch, from 1. */
  readonly batch: number;
  readonly batches: number;
  /** Mean loss over the epoch's clips so far. */
  readonly loss: number;
  readonly clipsPerSecond: number;
}

/** An epoch was trained and validated. Accuracies are from 0 to 1. */
export interface EpochDone {
  readonly kind: 'epoch-end';
  readonly epoch: number;
  readonly epochs: number;
  readonly trainLoss: number;
  readonly valLoss: number;
  readonly glossAccuracy: number;
  readonly categoryAccuracy: number;
  /** The one used in this epoch. */
  readonly learningRate: number;
  readonly seconds: number;
  readonly clipsPerSecond: number;
  /** Whether this epoch is the best so far. */
  readonly best: boolean;
  readonly bestGlossAccuracy: number;
  readonly bestEpoch: number;
  /** Seconds to the end of the training, at the pace so far. */
  readonly etaSeconds: number;
}

/** Something worth a line. */
export interface TrainingNote {
  readonly kind: 'note' | 'warning';
  readonly text: string;
}

/** The training ended, and everything is saved. */
export interface TrainingDone {
  readonly kind: 'end';
  /** How it ended, in a few words: `30 epochs done`, `stopped early`, `interrupted`. */
  readonly outcome: string;
  /** The best epoch's figures and the like. */
  readonly facts: readonly Fact[];
  /** The model folder. */
  readonly folder: string;
  /** File names in it, and what each is. */
  readonly files: readonly Fact[];
  /** What one would do next, and the command for it. */
  readonly next: readonly Fact[];
}
