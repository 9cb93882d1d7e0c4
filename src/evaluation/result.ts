import type { ClipEntry, Dataset } from '../data/clip-set';
import type { DataProblem } from '../data/data-error';
import { modelEntry } from '../models/model-table';
import type { Evaluation } from './evaluate';
import { describeHead, type HeadPrediction, type HeadResult } from './head-result';
import { shownLabels, type LoadedModel } from './load-model';
import { titleOfModel } from '../folder/model-folder';

/** The two things that a model says of a clip. */
export const HEADS = ['gloss', 'category'] as const;
export type HeadName = (typeof HEADS)[number];

/** All that an evaluation found: what every file of `evaluation_results` is made from. */
export interface EvaluationResult {
  readonly model: {
    readonly file: string;
    /** The class's name in PyTorch. */
    readonly architecture: string;
    /** Epochs that it was trained for, where the checkpoint says so. */
    readonly epoch: number | undefined;
    readonly assumptions: readonly string[];
    /** Frames that it takes; longer clips were cut. */
    readonly maxFrames: number;
  };
  readonly data: {
    readonly title: string;
    readonly synthetic: boolean;
    /** Of the clips that were evaluated. */
    readonly fingerprint: string;
  };
  readonly clips: readonly ClipEntry[];
  readonly cutClips: number;
  /** What was wrong with clips that were left out. */
  readonly leftOut: readonly DataProblem[];
  readonly clipsPerSecond: number;
  readonly gloss: HeadResult;
  readonly category: HeadResult;
  /** Position = gloss id: the category of its clips; undefined where it has none. */
  readonly categoryOfGloss: readonly (number | undefined)[];
}

/** A part of the clips that the labels' `occluded` column sets apart. */
export interface OcclusionGroup {
  readonly occluded: boolean;
  readonly clips: number;
  /** Shares of its clips; undefined where it has none. */
  readonly accuracy: Readonly<Record<HeadName, number>> | undefined;
}

/** Scores an evaluation in full. */
export function describeEvaluation(loaded: LoadedModel, dataset: Dataset, { outputs, cutClips, seconds }: Evaluation): EvaluationResult {
  const labels = shownLabels(loaded, dataset.labels);
  const clips = dataset.validation.entries;
  const categories = new Map(clips.toReversed().map(({ gloss, category }) => [gloss, category]));
  return {
    model: {
      file: loaded.file,
      architecture: modelEntry(loaded.name).checkpointName,
      epoch: loaded.epoch,
      assumptions: loaded.assumptions,
      maxFrames: loaded.model.maxFrames,
    },
    data: { title: dataset.title, synthetic: dataset.synthetic, fingerprint: dataset.validationFingerprint },
    clips,
    cutClips,
    leftOut: dataset.leftOut,
    clipsPerSecond: outputs.clips / seconds,
    gloss: describeHead(outputs.glossLogits, outputs.glossTargets, labels.gloss),
    category: describeHead(outputs.categoryLogits, outputs.categoryTargets, labels.category),
    categoryOfGloss: labels.gloss.map((_, id) => categories.get(id)),
  };
}

/** The occluded clips and the others; nothing where the labels have no such column. */
export function occlusionGroups({ clips, gloss, category }: EvaluationResult): OcclusionGroup[] {
  if (clips.every(({ occluded }) => occluded === undefined)) return [];
  const accuracyOf = (head: HeadResult, chosen: readonly number[]): number =>
    chosen.filter((clip) => head.predictions[clip]?.correct).length / chosen.length;
  return [true, false].map((occluded) => {
    const chosen = [...clips.keys()].filter((clip) => clips[clip]?.occluded === occluded);
    const accuracy = chosen.length === 0 ? undefined : { gloss: accuracyOf(gloss, chosen), category: accuracyOf(category, chosen) };
    return { occluded, clips: chosen.length, accuracy };
  });
}

/** A clip with what the gloss head said of it. */
export interface JudgedClip {
  readonly clip: ClipEntry;
  readonly gloss: HeadPrediction;
  readonly category: HeadPrediction;
}

/** The clips whose true gloss the model thought least likely, worst first. */
export function worstClips({ clips, gloss, category }: EvaluationResult, count: number): JudgedClip[] {
  return clips
    .flatMap((clip, index): JudgedClip[] => {
      const [ofGloss, ofCategory] = [gloss.predictions[index], category.predictions[index]];
      return ofGloss === undefined || ofCategory === undefined ? [] : [{ clip, gloss: ofGloss, category: ofCategory }];
    })
    .sort((one, other) => one.gloss.truthProbability - other.gloss.truthProbability)
    .slice(0, count);
}

/** What the evaluated model is called. */
export function modelTitle({ model }: EvaluationResult): string {
  return titleOfModel(model.file, model.architecture);
}
