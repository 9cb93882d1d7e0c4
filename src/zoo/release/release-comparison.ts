import { comparedFromFiles, comparedFromResult, type ComparedModel } from '../../evaluation/compare/compared-model';
import { compareModels, type Contrast } from '../../evaluation/compare/comparison';
import { HEADS, type EvaluationResult } from '../../evaluation/result';
import type { Release, ReleaseComparison } from './release-record';
import { orUndefined } from '../summary';

/**
 * Sets a new release against the one before: by what both gave just now for the same clips, else by what is recorded of the one before where that was for the
 * same clips too.
 * @param evaluated what the one before gave just now; or why it was not asked.
 */
export function compareReleases(before: Release, evaluated: EvaluationResult | string, after: EvaluationResult): ReleaseComparison {
  const now = comparedFromResult('', after);
  if (typeof evaluated !== 'string') return comparisonOf('evaluated', comparedFromResult('', evaluated), now);
  const { record, folder } = before;
  if (record.evaluation.data.fingerprint !== after.data.fingerprint) {
    return { basis: 'none', reason: `${evaluated}, and its recorded figures are of other clips` };
  }
  const recorded = orUndefined(() => comparedFromFiles(folder));
  if (recorded !== undefined) return comparisonOf('recorded', recorded, now);
  const { data, gloss, category } = record.evaluation;
  const contrast = (head: 'gloss' | 'category', was: number): { before: number; after: number; mcnemar_p: null } => ({
    before: was,
    after: after[head].metrics.accuracy,
    mcnemar_p: null,
  });
  return {
    basis: 'recorded',
    clips: data.clips,
    gloss: contrast('gloss', gloss.accuracy),
    category: contrast('category', category.accuracy),
  };
}

/** The heads in which a release is less accurate than the one before, as `gloss 0.872 → 0.846 (−2.6 points; McNemar p = 0.5)`. */
export function worseHeads(comparison: ReleaseComparison): string[] {
  if (comparison.basis === 'none') return [];
  const rounding = 1e-9;
  return HEADS.filter((head) => comparison[head].after < comparison[head].before - rounding).map((head) =>
    changeText(head, comparison[head]),
  );
}

/** Both heads' changes in one line. */
export function changesText(comparison: Exclude<ReleaseComparison, { basis: 'none' }>): string {
  return HEADS.map((head) => changeText(head, comparison[head])).join(', ');
}

function changeText(
  head: string,
  { before, after, mcnemar_p: p }: { readonly before: number; readonly after: number; readonly mcnemar_p: number | null },
): string {
  const points = (100 * Math.abs(after - before)).toFixed(1);
  const sign = points === '0.0' ? '±' : after > before ? '+' : '−';
  const test = p === null ? '' : `; McNemar p ${p < 0.001 ? '< 0.001' : `= ${Number(p.toPrecision(2))}`}`;
  return `${head} ${before.toFixed(3)} → ${after.toFixed(3)} (${sign}${points} points${test})`;
}

function comparisonOf(basis: 'evaluated' | 'recorded', before: ComparedModel, after: ComparedModel): ReleaseComparison {
  // They are of the same clips: the caller made sure. Features of pictures differ with what encodes them, though.
  const [contrast] = compareModels(before, [after], true).contrasts;
  if (contrast === undefined) throw new Error('there is one model to compare');
  return { basis, clips: contrast.pairedClips, gloss: headOf('gloss', before, contrast), category: headOf('category', before, contrast) };
}

function headOf(
  head: 'gloss' | 'category',
  before: ComparedModel,
  { model, test, pairedClips }: Contrast,
): {
  before: number;
  after: number;
  mcnemar_p: number | null;
} {
  return {
    before: before.figures[head].accuracy,
    after: model.figures[head].accuracy,
    mcnemar_p: pairedClips === 0 ? null : test[head].p,
  };
}
