import type { ChosenPrecision } from '../engine/precision';
import type { EvaluationResult } from '../evaluation/result';
import type { RunRecord } from '../folder/config-file';
import type { RunFolder } from '../folder/model-folder';
import type { TrainingLogRow } from '../folder/training-log';
import type { LossWeights } from './curriculum';

/** Something that happened in a training, as data: whoever shows it makes the sentences. */
export type TrainingEvent =
  TrainingNote | ClipsRead | TrainingStarted | EpochStarted | StepDone | EpochDone | EvaluationStarted | TrainingDone;

/** Takes the events of a training, in the order in which they happen. */
export type TrainingListener = (event: TrainingEvent) => void;

/** Something worth a line. */
export interface TrainingNote {
  readonly kind: 'note' | 'warning';
  readonly text: string;
}

/** So many of the clips have been read and checked. */
export interface ClipsRead {
  readonly kind: 'clips-read';
  readonly done: number;
  readonly total: number;
}

/** Everything is in place; the first epoch follows. */
export interface TrainingStarted {
  readonly kind: 'start';
  readonly record: RunRecord;
  readonly clips: {
    readonly training: number;
    readonly validation: number;
    /** Frames of the training clips. */
    readonly shortest: number;
    readonly longest: number;
  };
  readonly step: StepDescription;
  /** Where an earlier run stopped that this one goes on from; undefined for a new one. */
  readonly resumed: { readonly file: string; readonly epochs: number; readonly batches: number } | undefined;
}

/** How a training step runs on this machine. */
export interface StepDescription {
  /** Recorded once and replayed by one native call; else operation by operation. */
  readonly captured: boolean;
  /** What matrix products are computed in, and why. */
  readonly precision: ChosenPrecision;
  /** With `enable_parallel`: the devices that share each batch, 0 where there are fewer than two. */
  readonly sharingDevices: number | undefined;
  /** The processes that train together and share each batch; undefined where one trains alone. */
  readonly processes?: number | undefined;
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
  /** Resident memory of the process, in megabytes. */
  readonly memoryMb: number;
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
  /** Those of this epoch, where a curriculum changes them; where they are learnt, those at its end. */
  readonly lossWeights?: LossWeights;
  /** Mean over the epoch's updates of the gradient's global norm, before clipping. */
  readonly gradientNorm: number;
  /** Resident memory of the process, in megabytes. */
  readonly memoryMb: number;
  readonly seconds: number;
  readonly clipsPerSecond: number;
  /** Whether this epoch is the best so far. */
  readonly best: boolean;
  readonly bestGlossAccuracy: number;
  readonly bestEpoch: number;
  /** Seconds to the end of the training, at the pace so far. */
  readonly etaSeconds: number;
  /** Clips that are left out by now for they cannot be read; absent where there are none. */
  readonly clipsLeftOut?: number;
}

/** The epochs are done and everything is saved; the best checkpoint is evaluated now, which resuming would do too. */
export interface EvaluationStarted {
  readonly kind: 'evaluation-start';
  readonly folder: string;
}

/** The training ended, and everything is saved. */
export interface TrainingDone {
  readonly kind: 'end';
  readonly result: TrainingResult;
}

/** How a training ended. */
export type TrainingEnd = 'finished' | 'stopped early' | 'interrupted';

/** What a training came to. */
export interface TrainingResult {
  readonly end: TrainingEnd;
  /** The model folder, and what is in it. */
  readonly folder: string;
  readonly files: RunFolder;
  readonly record: RunRecord;
  readonly completedEpochs: number;
  readonly epochs: number;
  /** A row an epoch. */
  readonly log: readonly TrainingLogRow[];
  readonly best: {
    /** 0 where none has ended. */
    readonly epoch: number;
    /** Validation gloss accuracy, from 0 to 1; −Infinity where no epoch has ended. */
    readonly glossAccuracy: number;
    /** Undefined where the best epoch is not of this folder, but of what it went on from. */
    readonly row: TrainingLogRow | undefined;
  };
  /** Of the best checkpoint on the validation clips; undefined where the training was interrupted before. */
  readonly evaluation: EvaluationResult | undefined;
  /** A validation clip, to try the model on. */
  readonly exampleClip: {
    /** Undefined for a clip of the demo set, which is in no file. */
    readonly path: string | undefined;
    /** Where it is in the demo set's folder, where that is written. */
    readonly inDemoSet?: string;
  };
}
