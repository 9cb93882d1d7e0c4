import { UserError } from '../../foundation/errors';
import { mcnemarTest, type PairedTest } from '../mcnemar';
import { HEADS, type HeadName } from '../result';
import type { ComparedClip, ComparedModel } from './compared-model';

/** A class that one model recognises in more clips than another. */
export interface ClassChange {
  readonly label: string;
  /** Clips right in this model less those right in the baseline. */
  readonly clips: number;
  /** Clips of the class. */
  readonly of: number;
}

/** A model set against the baseline. */
export interface Contrast {
  readonly model: ComparedModel;
  /** Clips that both were evaluated on, with the same labels. */
  readonly pairedClips: number;
  /** Accuracy less the baseline's. */
  readonly difference: Readonly<Record<HeadName, number>>;
  /** First the baseline, second this model. */
  readonly test: Readonly<Record<HeadName, PairedTest>>;
  /** Glosses that changed, the largest gain first. */
  readonly classes: readonly ClassChange[];
}

/** Models on the same data. */
export interface Comparison {
  readonly baseline: ComparedModel;
  readonly contrasts: readonly Contrast[];
  /** Whether all were evaluated on exactly the same clips. */
  readonly sameData: boolean;
}

/**
 * Sets models against a baseline.
 * @param allowDifferentData whether to go on where the models' clips are not the same; what is paired then is the clips that both have.
 * @throws UserError where the data differs and that was not allowed.
 */
export function compareModels(baseline: ComparedModel, others: readonly ComparedModel[], allowDifferentData: boolean): Comparison {
  const differing = others.filter(({ data }) => data.fingerprint !== baseline.data.fingerprint);
  if (differing.length > 0 && !allowDifferentData) {
    const lines = [baseline, ...differing].map(
      ({ named, data }) => `${named}: ${data.title}, fingerprint ${data.fingerprint.slice(0, 16)}`,
    );
    throw new UserError(
      [
        'the models were evaluated on different data, so their figures cannot be compared; evaluate them on the same clips (--data evaluates all of them now), or say --allow-different-data',
        ...lines,
      ].join('\n'),
    );
  }
  return { baseline, contrasts: others.map((model) => contrastOf(baseline, model)), sameData: differing.length === 0 };
}

/** The models that are worse than the baseline by more than a share of the clips, in either head. */
export function regressions({ contrasts }: Comparison, tolerance: number): { readonly model: ComparedModel; readonly head: HeadName }[] {
  const rounding = 1e-9;
  return contrasts.flatMap(({ model, difference }) =>
    HEADS.filter((head) => -difference[head] > tolerance + rounding).map((head) => ({ model, head })),
  );
}

interface Pair {
  readonly first: ComparedClip;
  readonly second: ComparedClip;
}

function contrastOf(baseline: ComparedModel, model: ComparedModel): Contrast {
  const pairs = [...baseline.clips].flatMap(([name, first]): Pair[] => {
    const second = model.clips.get(name);
    const same = second !== undefined && HEADS.every((head) => second.truth[head] === first.truth[head]);
    return same ? [{ first, second }] : [];
  });
  const test = (head: HeadName): PairedTest =>
    mcnemarTest(
      pairs.map(({ first }) => first.correct[head]),
      pairs.map(({ second }) => second.correct[head]),
    );
  const difference = (head: HeadName): number => model.figures[head].accuracy - baseline.figures[head].accuracy;
  return {
    model,
    pairedClips: pairs.length,
    difference: { gloss: difference('gloss'), category: difference('category') },
    test: { gloss: test('gloss'), category: test('category') },
    classes: classChanges(pairs),
  };
}

function classChanges(pairs: readonly Pair[]): ClassChange[] {
  const changes = new Map<number, { label: string; clips: number; of: number }>();
  for (const { first, second } of pairs) {
    const change = changes.get(first.truth.gloss) ?? { label: first.label, clips: 0, of: 0 };
    change.of++;
    change.clips += Number(second.correct.gloss) - Number(first.correct.gloss);
    changes.set(first.truth.gloss, change);
  }
  return [...changes.values()].filter(({ clips }) => clips !== 0).sort((one, other) => other.clips - one.clips);
}
