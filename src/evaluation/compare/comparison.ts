import { UserError } from '../../foundation/errors';
import { signedPoints } from '../../foundation/text';
import { mcnemarTest, type PairedTest } from '../metrics';
import { HEADS, type HeadName } from '../result';
import type { ReadFigures } from '../results/contents';

/** Whether a model had one clip right, by head. */
export interface ComparedClip {
  readonly truth: Readonly<Record<HeadName, number>>;
  /** The true gloss by name. */
  readonly label: string;
  readonly correct: Readonly<Record<HeadName, boolean>>;
  /** The gloss that the model took it for. */
  readonly predictedGloss?: number | undefined;
}

/** One model of a comparison: what its evaluation found. */
export interface ComparedModel {
  readonly title: string;
  /** As it was named. */
  readonly named: string;
  readonly data: { readonly title: string; readonly fingerprint: string; readonly synthetic: boolean };
  readonly figures: Readonly<Record<HeadName, ReadFigures>>;
  /** Whether its clips are of one category: then the figures of categories say nothing. Absent where they are of several. */
  readonly oneCategory?: boolean;
  /** By the clip's name. */
  readonly clips: ReadonlyMap<string, ComparedClip>;
  /** What is odd about its results, a line each. */
  readonly warnings: readonly string[];
}

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

/** The heads whose figures say something of a model that is compared. */
export function comparedHeads({ baseline, contrasts }: Pick<Comparison, 'baseline' | 'contrasts'>): readonly HeadName[] {
  return [baseline, ...contrasts.map(({ model }) => model)].every(({ oneCategory }) => oneCategory === true) ? ['gloss'] : HEADS;
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

/** The chance below which a difference is believed. */
const BELIEVED_BELOW = 0.05;
/** Differences of figures that are shown as none. */
const ROUNDING = 5e-4;

/** How one gloss fares in two models, on the clips that both have. */
export interface GlossChange {
  readonly label: string;
  /** Clips of the gloss. */
  readonly clips: number;
  readonly rightBefore: number;
  readonly rightNow: number;
  readonly f1Before: number;
  readonly f1Now: number;
}

/** A figure of a head in both models. */
export interface FigureChange {
  readonly figure: string;
  readonly before: number;
  readonly now: number;
  /** Whether a larger one is the better one. */
  readonly largerIsBetter: boolean;
}

/** What a comparison means for one model, in words and numbers. */
export interface Judgement {
  /** One sentence, honest about chance. */
  readonly verdict: string;
  /** Glosses whose F1 rose, most first; then those whose F1 fell, most first. */
  readonly improved: readonly GlossChange[];
  readonly regressed: readonly GlossChange[];
  readonly figures: readonly FigureChange[];
}

/** Judges a model of a comparison against its baseline. */
export function judge({ baseline, contrasts, sameData }: Comparison, contrast: Contrast): Judgement {
  const changes = glossChanges(baseline, contrast.model);
  const gain = ({ f1Before, f1Now }: GlossChange): number => f1Now - f1Before;
  return {
    verdict: verdictOf(baseline, contrast, { sameData, tests: contrasts.length }),
    improved: changes.filter((change) => gain(change) > ROUNDING).sort((one, other) => gain(other) - gain(one)),
    regressed: changes.filter((change) => gain(change) < -ROUNDING).sort((one, other) => gain(one) - gain(other)),
    figures: comparedHeads({ baseline, contrasts: [contrast] }).flatMap((head) => figureChanges(head, baseline, contrast.model)),
  };
}

/** Whether a figure is worse now, beyond what is rounded away. */
export function gotWorse({ before, now, largerIsBetter }: FigureChange): boolean {
  return (largerIsBetter ? before - now : now - before) > ROUNDING;
}

function figureChanges(head: HeadName, baseline: ComparedModel, model: ComparedModel): FigureChange[] {
  const [first, second] = [baseline.figures[head], model.figures[head]];
  const change = (figure: string, key: 'accuracy' | 'top_5_accuracy' | 'f1_weighted' | 'f1_macro'): FigureChange => ({
    figure: `${head} ${figure}`,
    before: first[key],
    now: second[key],
    largerIsBetter: true,
  });
  const [errorBefore, errorNow] = [first.expected_calibration_error, second.expected_calibration_error];
  return [
    change('accuracy', 'accuracy'),
    change('top-5 accuracy', 'top_5_accuracy'),
    change('weighted F1', 'f1_weighted'),
    change('macro F1', 'f1_macro'),
    ...(errorBefore === undefined || errorNow === undefined
      ? []
      : [{ figure: `${head} expected calibration error`, before: errorBefore, now: errorNow, largerIsBetter: false }]),
  ];
}

function verdictOf(
  baseline: ComparedModel,
  contrast: Contrast,
  { sameData, tests }: { readonly sameData: boolean; readonly tests: number },
): string {
  const { model, pairedClips, test, difference } = contrast;
  if (pairedClips === 0) return `Nothing can be said of ${model.title} and ${baseline.title}: they share no clip.`;
  const on = `on ${sameData ? 'the' : 'the shared'} ${pairedClips} clips${model.data.synthetic ? ' (synthetic ones)' : ''}`;
  const phrases = comparedHeads({ baseline, contrasts: [contrast] }).map((head) => {
    const { onlyFirst, onlySecond, p } = test[head];
    // Where the data differs the figures are of other clips: what is paired alone decides.
    const points = sameData ? difference[head] : (onlySecond - onlyFirst) / pairedClips;
    return { head, points, p, believed: p < BELIEVED_BELOW };
  });
  const believed = phrases.filter((phrase) => phrase.believed);
  const told = (phrase: (typeof phrases)[number]): string =>
    `${phrase.head} ${signedPoints(phrase.points)} points, p = ${phrase.p.toPrecision(2)}`;
  const several = tests > 1 && believed.length > 0 ? `; of ${tests} comparisons at once, one in twenty would look so by chance` : '';
  if (believed.length === 0) {
    if (HEADS.every((head) => test[head].onlyFirst + test[head].onlySecond === 0))
      return `${model.title} and ${baseline.title} have the same clips right ${on}.`;
    return `No difference between ${model.title} and ${baseline.title} can be told from chance ${on} (${phrases.map(told).join('; ')}): more clips, or trainings with several seeds, would tell.`;
  }
  const better = believed.every(({ points }) => points > 0);
  const worse = believed.every(({ points }) => points < 0);
  const word = better ? 'better than' : worse ? 'worse than' : 'better in one way and worse in another than';
  const rest = phrases.filter((phrase) => !phrase.believed);
  const remaining = rest.length === 0 ? '' : `; ${rest.map(({ head }) => head).join(', ')}: no difference that chance would not explain`;
  return `${model.title} is ${word} ${baseline.title} ${on}, by more than chance would explain (${believed.map(told).join('; ')})${remaining}${several}.`;
}

interface Counts {
  readonly label: string;
  clips: number;
  readonly right: [number, number];
  readonly said: [number, number];
}

function glossChanges(baseline: ComparedModel, model: ComparedModel): GlossChange[] {
  const counts = new Map<number, Counts>();
  const of = (id: number, label: string): Counts => {
    const found = counts.get(id) ?? { label, clips: 0, right: [0, 0], said: [0, 0] };
    counts.set(id, found);
    return found;
  };
  const pairs = [...baseline.clips].flatMap(([name, first]) => {
    const second = model.clips.get(name);
    return second?.truth.gloss === first.truth.gloss ? [[first, second] as const] : [];
  });
  for (const [first] of pairs) of(first.truth.gloss, first.label).clips++;
  for (const pair of pairs) {
    pair.forEach((clip: ComparedClip, place) => {
      const side = place === 0 ? 0 : 1;
      if (clip.correct.gloss) of(clip.truth.gloss, clip.label).right[side]++;
      // Glosses that no clip has are nobody's gain or loss.
      const said = clip.predictedGloss === undefined ? undefined : counts.get(clip.predictedGloss);
      if (said !== undefined) said.said[side]++;
    });
  }
  return [...counts.values()].map(({ label, clips, right, said }) => ({
    label,
    clips,
    rightBefore: right[0],
    rightNow: right[1],
    f1Before: (2 * right[0]) / Math.max(1, clips + said[0]),
    f1Now: (2 * right[1]) / Math.max(1, clips + said[1]),
  }));
}
