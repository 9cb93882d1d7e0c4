import { describe, expect, it } from '@jest/globals';
import { type ComparedModel, compareModels, type Comparison, judge, type Judgement } from '../../src/evaluation/compare/comparison';
import { judgementMarkdown, judgementsJson, judgementText } from '../../src/evaluation/compare/comparison-text';

const GLOSSES = ['HELLO', 'GO|OD', 'YOU', 'ME'];

/** A model that said these glosses of clips whose truths are 0, 1, 2, 3 in turn; category always right. */
function said(
  title: string,
  predictions: readonly number[],
  more: { readonly error?: number; readonly first?: number; readonly synthetic?: boolean } = {},
): ComparedModel {
  const { error = 0.1, first = 0, synthetic = false } = more;
  const right = predictions.filter((gloss, clip) => gloss === clip % 4).length / predictions.length;
  const figures = { accuracy: right, top_5_accuracy: 1, f1_weighted: right, f1_macro: right, accuracy_ci95_low: 0, accuracy_ci95_high: 1 };
  return {
    title,
    named: `registry/${title}`,
    data: { title: 'drawn', fingerprint: String(first), synthetic },
    figures: {
      gloss: { ...figures, expected_calibration_error: error },
      category: { ...figures, accuracy: 1, f1_weighted: 1, f1_macro: 1 },
    },
    clips: new Map(
      predictions.map((gloss, clip) => {
        const truth = clip % 4;
        return [
          `clip_${first + clip}`,
          {
            truth: { gloss: truth, category: 0 },
            label: GLOSSES[truth] ?? '',
            correct: { gloss: gloss === truth, category: true },
            predictedGloss: gloss,
          },
        ];
      }),
    ),
    warnings: [],
  };
}

function judged(comparison: Comparison): Judgement {
  const [contrast] = comparison.contrasts;
  if (contrast === undefined) throw new Error('nothing to judge');
  return judge(comparison, contrast);
}

const truths = Array.from({ length: 40 }, (_, clip) => clip % 4);
const confused = truths.map((gloss) => (gloss === 3 ? 2 : gloss));

describe('a judgement', () => {
  it('names gains and losses with F1, accuracy and calibration, and says what chance does not explain', () => {
    const better = judged(compareModels(said('before', confused), [said('after', truths, { error: 0.2 })], false));
    expect(better.verdict).toBe(
      'after is better than before on the 40 clips, by more than chance would explain (gloss +25.0 points, p = 0.0020); category: no difference that chance would not explain.',
    );
    // ME was never said, YOU said of every ME: both gain, for another reason.
    expect(better.improved).toEqual([
      { label: 'ME', clips: 10, rightBefore: 0, rightNow: 10, f1Before: 0, f1Now: 1 },
      { label: 'YOU', clips: 10, rightBefore: 10, rightNow: 10, f1Before: 20 / 30, f1Now: 1 },
    ]);
    expect(better.regressed).toEqual([]);
    const worse = judged(compareModels(said('before', truths), [said('after', confused)], false));
    expect(worse.verdict).toMatch(/^after is worse than before on the 40 clips, .*gloss −25\.0 points/);
    expect(worse.regressed.map(({ label }) => label)).toEqual(['ME', 'YOU']);
  });

  it('says where no difference can be told, where there is none, and where nothing can be said', () => {
    const slightly = truths.with(3, 2).with(7, 2);
    expect(judged(compareModels(said('before', truths), [said('after', slightly, { synthetic: true })], false)).verdict).toMatch(
      /^No difference between after and before can be told from chance on the 40 clips \(synthetic ones\) \(gloss −5\.0 points, p = 0\.50; category 0\.0 points, p = 1\.0\): more clips, or/,
    );
    expect(judged(compareModels(said('before', truths), [said('after', truths)], false)).verdict).toBe(
      'after and before have the same clips right on the 40 clips.',
    );
    const elsewhere = said('after', truths, { first: 100 });
    expect(judged(compareModels(said('before', truths), [elsewhere], true)).verdict).toMatch(/^Nothing can be said/);
    const overlapping = said('after', confused, { first: 20 });
    expect(judged(compareModels(said('before', truths), [overlapping], true)).verdict).toMatch(/the shared 20 clips.*−25\.0 points/);
    const many = compareModels(said('before', confused), [said('after', truths), said('again', truths)], false);
    expect(judged(many).verdict).toMatch(/of 2 comparisons at once, one in twenty would look so by chance\.$/);
  });

  it('is shown as text, Markdown and JSON that agree', () => {
    const comparison = compareModels(said('before', confused), [said('af_ter', truths.with(1, 0), { error: 0.2 })], false);
    const text = judgementText(comparison);
    expect(text).toMatch(
      /af_ter beside before\n {2}better {3}gloss accuracy 75\.0 % → 97\.5 %\n[^]*ME: F1 0\.00 → 1\.00, right in 0 → 10 of 10[^]* {2}worse {4}gloss expected calibration error 10\.0 % → 20\.0 %\n {11}GO\|OD: F1 1\.00 → 0\.95, right in 10 → 9 of 10\n[^]* {2}verdict {2}af_ter is better/,
    );
    const markdown = judgementMarkdown(comparison);
    expect(markdown).toMatch(/\*\*af\\_ter is better[^]*Regressions:\n\n- gloss expected calibration error[^]*- GO\\\|OD: F1/);
    expect(judgementsJson(comparison)).toMatchObject([
      {
        model: 'registry/af_ter',
        improved: [{ gloss: 'ME', f1_before: 0, f1_now: 1 }, { gloss: 'YOU' }],
        regressed: [{ gloss: 'GO|OD' }, { gloss: 'HELLO' }],
      },
    ]);
  });
});
