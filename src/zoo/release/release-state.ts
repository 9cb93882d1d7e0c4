import { readWeights } from '../../checkpoint/training-checkpoint';
import { modelFile } from '../../folder/model-folder';
import { UserError } from '../../foundation/errors';
import { unfinishedReleases } from './complete-releases';
import { readProduction, type ProductionRecord } from './production-record';
import type { RegisteredModel } from '../registry';
import { readReleases } from './release-record';
import { weightsDigest } from './weights';

/** Where a model stands in its releases. */
export interface ReleaseState {
  /** The oldest first. */
  readonly releases: readonly {
    readonly version: string;
    readonly created: string;
    readonly gloss_acc: number;
    readonly cat_acc: number;
  }[];
  /** The checkpoint that was promoted or released last. */
  readonly production: ProductionRecord | null;
  /** Whether the best checkpoint has other weights than the last release; null where there is none, or it cannot be read. */
  readonly changed_since_release: boolean | null;
  /** What a command that was killed left undone. */
  readonly unfinished: readonly string[];
  /** What cannot be read, a line each. */
  readonly problems: readonly string[];
}

/** Looks at a model folder's releases and its production checkpoint, and writes nothing. */
export function releaseState(model: RegisteredModel): ReleaseState {
  const problems: string[] = [];
  const attempt = <Value>(look: () => Value, otherwise: Value): Value => {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (!problems.includes(error.message)) problems.push(error.message);
      return otherwise;
    }
  };
  const releases = attempt(() => readReleases(model.folder), []);
  const last = releases.at(-1)?.record;
  const current = (): string => weightsDigest(readWeights(modelFile(model.folder, model.name)).model);
  return {
    releases: releases.map(({ record: { version, created, evaluation } }) => ({
      version,
      created,
      gloss_acc: evaluation.gloss.accuracy,
      cat_acc: evaluation.category.accuracy,
    })),
    production: attempt(() => readProduction(model.folder) ?? null, null),
    changed_since_release: last === undefined ? null : attempt(() => current() !== last.weights_sha256, null),
    unfinished: attempt(() => unfinishedReleases(model), []),
    problems,
  };
}
