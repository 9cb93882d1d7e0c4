import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { comparedFromFiles } from '../../src/evaluation/compare/compare';
import { type ComparedModel, compareModels, regressions } from '../../src/evaluation/compare/comparison';
import { comparisonJson, comparisonMarkdown, comparisonText } from '../../src/evaluation/compare/comparison-text';
import { mcnemarTest } from '../../src/evaluation/metrics';
import { comparisonPicture } from '../../src/evaluation/pictures/charts';
import { lightTheme } from '../../src/evaluation/pictures/drawing';
import { inTemporaryFolder } from '../support/clip-files';
import { parityFolder } from '../support/parity';

const CLIPS = 20;

/** A model that has the clips whose numbers are listed wrong, of four glosses in turn. */
function model(title: string, wrong: readonly number[], fingerprint = 'same'): ComparedModel {
  const accuracy = 1 - wrong.length / CLIPS;
  const figures = {
    accuracy,
    top_5_accuracy: 1,
    f1_weighted: accuracy,
    f1_macro: accuracy,
    accuracy_ci95_low: accuracy - 0.1,
    accuracy_ci95_high: 1,
  };
  const clips = Array.from({ length: CLIPS }, (_, clip) => {
    const correct = !wrong.includes(clip);
    return [
      `clip_${clip}`,
      { truth: { gloss: clip % 4, category: 0 }, label: `SIGN ${clip % 4}`, correct: { gloss: correct, category: true } },
    ] as const;
  });
  return {
    title,
    named: `models/${title}`,
    data: { title: 'drawn', fingerprint, synthetic: false },
    figures: { gloss: figures, category: { ...figures, accuracy: 1 } },
    clips: new Map(clips),
    warnings: [],
  };
}

describe('McNemar’s exact test', () => {
  it('gives scipy’s p', () => {
    const { mcnemar } = JSON.parse(readFileSync(path.join(parityFolder, 'classification.json'), 'utf8')) as {
      mcnemar: { only_first: number; only_second: number; p: number }[];
    };
    for (const { only_first, only_second, p } of mcnemar) {
      const first = [...Array<boolean>(only_first).fill(true), ...Array<boolean>(only_second).fill(false), true, false];
      const second = [...Array<boolean>(only_first).fill(false), ...Array<boolean>(only_second).fill(true), true, false];
      const test = mcnemarTest(first, second);
      expect(test).toMatchObject({ onlyFirst: only_first, onlySecond: only_second });
      expect(test.p / p).toBeCloseTo(1, 9);
    }
    expect(mcnemar.length).toBeGreaterThan(4);
  });
});

describe('a comparison', () => {
  const comparison = compareModels(model('before', [0, 4, 8, 1]), [model('after', [1, 2, 3]), model('equal', [0, 4, 8, 1])], false);

  it('pairs the clips, and tells gains and losses by class', () => {
    const [after, equal] = comparison.contrasts;
    expect(after?.difference.gloss).toBeCloseTo(0.05, 12);
    expect(after?.test.gloss).toMatchObject({ onlyFirst: 2, onlySecond: 3, p: expect.closeTo(1, 9) });
    expect(after?.classes).toEqual([
      { label: 'SIGN 0', clips: 3, of: 5 },
      { label: 'SIGN 2', clips: -1, of: 5 },
      { label: 'SIGN 3', clips: -1, of: 5 },
    ]);
    expect(equal).toMatchObject({ pairedClips: 20, difference: { gloss: 0 }, classes: [] });
  });

  it('is shown as a table, as Markdown and as JSON that agree', () => {
    expect(comparisonText(comparison)).toMatch(
      /after +85\.0 % +\+5\.0 +1\.0[^]*gains {3}SIGN 0 \+3 of 5\n {2}losses {2}SIGN 3 −1 of 5, SIGN 2 −1 of 5/,
    );
    expect(comparisonMarkdown(comparison)).toMatch(/\| after \| 85\.0 % \| \+5\.0 \| 1\.0 \|/);
    expect(JSON.parse(comparisonJson(comparison))).toMatchObject({
      same_data: true,
      baseline: { model: 'models/before', clips: 20 },
      models: [{ gloss_versus_baseline: { accuracy_difference: expect.closeTo(0.05, 12), only_this_right: 3 } }, {}],
    });
    expect(
      comparisonPicture([comparison.baseline, ...comparison.contrasts.map((contrast) => contrast.model)], 'drawn', lightTheme).length,
    ).toBeGreaterThan(10_000);
  });

  it('finds what is worse by more than may be', () => {
    const worse = compareModels(model('before', [0]), [model('after', [1, 2])], false);
    expect(regressions(worse, 0.05)).toEqual([]);
    expect(regressions(worse, 0.04).map(({ model: { title }, head }) => [title, head])).toEqual([['after', 'gloss']]);
    expect(regressions(comparison, 0)).toEqual([]);
  });

  it('refuses other data, unless told, and then pairs what both have', () => {
    const other = model('other', [0], 'another');
    expect(() => compareModels(model('before', []), [other], false)).toThrow(/different data[^]*models\/before: drawn[^]*models\/other/);
    const fewer = { ...other, clips: new Map([...other.clips].slice(0, 7)) };
    const allowed = compareModels(model('before', []), [fewer], true);
    expect(allowed).toMatchObject({ sameData: false, contrasts: [{ pairedClips: 7 }] });
    expect(comparisonText(allowed)).toContain('NOT evaluated on the same clips');
  });
});

describe('a model’s evaluation results', () => {
  it('are asked for where they are missing, refused where they are none, and warned of where they are old', async () => {
    await inTemporaryFolder((folder) => {
      const checkpoint = path.join(folder, 'SignTransformer_best.pt');
      writeFileSync(checkpoint, '');
      expect(() => comparedFromFiles(folder)).toThrow(/run `npm run evaluate -- --model-path /);
      const results = path.join(folder, 'evaluation_results');
      mkdirSync(results);
      const document = path.join(results, 'evaluation.json');
      writeFileSync(document, '{"model":"x"}');
      expect(() => comparedFromFiles(folder)).toThrow(/evaluation\.json: architecture: .*evaluate the model again/);
      const figures = { accuracy: 1, top_5_accuracy: 1, f1_weighted: 1, f1_macro: 1, accuracy_ci95_low: 1, accuracy_ci95_high: 1 };
      const data = { title: 'd', fingerprint: 'f', synthetic: false };
      writeFileSync(
        document,
        JSON.stringify({ model: checkpoint, architecture: 'SignTransformer', data, gloss: figures, category: figures }),
      );
      expect(() => comparedFromFiles(folder)).toThrow(/predictions\.csv: no such file/);
      writeFileSync(
        path.join(results, 'predictions.csv'),
        'file,true_gloss,true_gloss_label,correct,true_category,category_correct\nclip,2,HELLO,1,0,0\n',
      );
      const read = comparedFromFiles(results);
      expect(read.clips.get('clip')).toEqual({
        truth: { gloss: 2, category: 0 },
        label: 'HELLO',
        correct: { gloss: true, category: false },
      });
      expect(comparedFromFiles(folder)).toMatchObject({ title: path.basename(folder), warnings: [] });
      utimesSync(checkpoint, Date.now() / 1000 + 60, Date.now() / 1000 + 60);
      expect(comparedFromFiles(checkpoint).warnings).toEqual([expect.stringMatching(/is newer than its results/)]);
    });
  });
});
