import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { confusionMatrix, confusions, shownClasses } from '../../src/evaluation/confusion';
import { drawPicture } from '../../src/evaluation/pictures/canvas';
import { drawnOrTold, lightTheme } from '../../src/evaluation/pictures/drawing';
import { describeHead, type HeadResult, type EvaluationResult } from '../../src/evaluation/result';
import { writeResults } from '../../src/evaluation/results/write-results';
import { RESULT_FILES } from '../../src/folder/contents';
import { inTemporaryFolder } from '../support/clip-files';

/** A head of many classes, right in half of its clips and elsewhere off by one. */
function manyClasses(classes: number, clips: number, labelOf = (id: number): string => `SIGN ${id}`): HeadResult {
  const truths = Int32Array.from({ length: clips }, (_, clip) => clip % classes);
  const logits = new Float32Array(clips * classes);
  truths.forEach((truth, clip) => {
    logits[clip * classes + (clip % 2 === 0 ? truth : (truth + 1) % classes)] = 9;
  });
  return describeHead(
    logits,
    truths,
    Array.from({ length: classes }, (_, id) => labelOf(id)),
  );
}

function resultOf(folder: string, gloss: HeadResult, category: HeadResult): EvaluationResult {
  return {
    model: { file: path.join(folder, 'm.pt'), architecture: 'SignTransformer', epoch: 1, assumptions: [], maxFrames: 300 },
    data: { title: 'many', synthetic: false, fingerprint: 'f'.repeat(64) },
    clips: gloss.predictions.map(({ truth }, clip) => ({
      name: `clip_${clip}`,
      file: '',
      frames: 4,
      gloss: truth,
      category: 0,
      occluded: undefined,
    })),
    cutClips: 0,
    leftOut: [],
    clipsPerSecond: 1,
    gloss,
    category,
    categoryOfGloss: gloss.labels.map(() => 0),
  };
}

const writingWith = (warnings: string[]): Parameters<typeof writeResults>[2] => ({
  curves: [],
  created: new Date(0),
  onWarning: (warning) => warnings.push(warning),
});

describe('an evaluation of very many classes', () => {
  it('of 2,000 has all its figures, a picture of the most confused ones, and a report of a size that browsers take', async () => {
    await inTemporaryFolder(async (folder) => {
      const warnings: string[] = [];
      const before = process.memoryUsage().rss;
      const gloss = manyClasses(2000, 1200);
      await writeResults(folder, resultOf(folder, gloss, manyClasses(2, 1200)), writingWith(warnings));
      expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
      expect(warnings).toEqual([]);
      const file = (name: string): string => path.join(folder, name);
      expect(gloss.metrics.accuracy).toBeCloseTo(0.5, 2);
      expect(statSync(file(RESULT_FILES.report)).size).toBeLessThan(2.5e6);
      expect(statSync(file(RESULT_FILES.confusionPicture)).size).toBeGreaterThan(20_000);
      expect(existsSync(file(RESULT_FILES.confusionTable))).toBe(false);
      expect(existsSync(file(RESULT_FILES.categoryConfusionTable))).toBe(true);
      const pairs: Record<string, string>[] = parse(readFileSync(file(RESULT_FILES.confusionPairs), 'utf8'), { columns: true });
      expect(pairs[1]).toEqual({ true_id: '1', true_label: 'SIGN 1', predicted_id: '2', predicted_label: 'SIGN 2', clips: '1' });
      expect(pairs.reduce((sum, { clips }) => sum + Number(clips), 0)).toBe(1200);
      const page = readFileSync(file(RESULT_FILES.report), 'utf8');
      expect(page).toContain('those of the most frequent mistakes, of 2000; all are in confusion_pairs.csv');
      expect(page).toContain('<a href="confusion_pairs.csv">');
      expect(page).not.toContain('<a href="confusion_matrix.csv">');
      expect(page).toMatch(/The 1000 of 1200 whose true gloss/);
    });
  });

  it('shows the classes of the most frequent mistakes, at most 50, and others where mistakes are few', () => {
    const targets = Int32Array.from({ length: 1000 }, (_, clip) => clip % 500);
    const predicted = targets.map((id) => (id === 400 ? 401 : id >= 420 && id < 425 ? 7 : id));
    const matrix = confusionMatrix(predicted, targets, 500);
    expect(confusions(matrix)[0]).toEqual({ truth: 400, prediction: 401, count: 2 });
    const shown = shownClasses(matrix);
    expect(shown).toHaveLength(50);
    expect(shown).toEqual(expect.arrayContaining([7, 400, 401, 420, 421, 422, 423, 424]));
    expect(shown).toEqual([...shown].sort((one, other) => one - other));
    expect(shownClasses(confusionMatrix(predicted, targets, 150))).toHaveLength(150);
  });

  it('does not take room for classes that never occur, as where an id was mistyped', async () => {
    const matrix = confusionMatrix(Int32Array.of(0, 99_999), Int32Array.of(99_999, 99_999), 100_000);
    expect(confusions(matrix)).toEqual([{ truth: 99_999, prediction: 0, count: 1 }]);
    await inTemporaryFolder(async (folder) => {
      await writeResults(folder, resultOf(folder, manyClasses(20_000, 4), manyClasses(1, 4)), writingWith([]));
      const page = readFileSync(path.join(folder, RESULT_FILES.report), 'utf8');
      expect(page.length).toBeLessThan(1e6);
      expect(page).toContain('5 of 20000 classes, of those that occur; per_class_metrics.csv has all.');
    });
  });
});

describe('a picture that cannot be drawn', () => {
  it('is told in one line that names it', () => {
    const warnings: string[] = [];
    const png = drawnOrTold(
      'confusion_matrix.png',
      () => drawPicture({ width: 60_000, height: 60_000 }, lightTheme, () => undefined),
      (warning) => warnings.push(warning),
    );
    expect(png).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^confusion_matrix\.png cannot be drawn \(.+\); figures and tables are as they should be$/);
    expect(warnings[0]).not.toContain('\n');
  });

  it('costs neither the figures nor the other pictures', async () => {
    await inTemporaryFolder(async (folder) => {
      const warnings: string[] = [];
      const [gloss, category] = [manyClasses(5, 20), manyClasses(1, 20)];
      const unreadable = {
        ...{ epoch: 1, train_loss: 1, gloss_acc: 0.5, cat_acc: 0.5 },
        get val_loss(): number {
          throw new Error('the number is gone');
        },
      };
      await writeResults(folder, resultOf(folder, gloss, category), { ...writingWith(warnings), curves: [unreadable] });
      expect(warnings).toEqual(['training_curves.png cannot be drawn (the number is gone); figures and tables are as they should be']);
      expect(existsSync(path.join(folder, RESULT_FILES.curves))).toBe(false);
      for (const name of [RESULT_FILES.document, RESULT_FILES.confusionPicture, RESULT_FILES.reliability, RESULT_FILES.predictions])
        expect(existsSync(path.join(folder, name))).toBe(true);
      const page = readFileSync(path.join(folder, RESULT_FILES.report), 'utf8');
      expect(page).not.toContain('<a href="training_curves.png">');
      expect(page).toContain('<a href="confusion_matrix.png">');
    });
  });
});

describe('labels of 500 letters, emoji and letters from right to left', () => {
  it('are cut in pictures, sentences and tables of the report, and whole in the CSV files', async () => {
    await inTemporaryFolder(async (folder) => {
      const warnings: string[] = [];
      const labelOf = (id: number): string => `${id} ${['👩‍👩‍👧‍👦'.repeat(50), 'שלום'.repeat(125), 'W'.repeat(500)][id % 3] ?? ''}`;
      const [gloss, category] = [manyClasses(3, 12, labelOf), manyClasses(3, 12, labelOf)];
      await writeResults(folder, resultOf(folder, gloss, category), writingWith(warnings));
      expect(warnings).toEqual([]);
      const png = readFileSync(path.join(folder, RESULT_FILES.confusionPicture));
      expect(png.readUInt32BE(16)).toBeLessThan(3500);
      const page = readFileSync(path.join(folder, RESULT_FILES.report), 'utf8');
      const text = page.replaceAll(/title="[^"]*"/g, '');
      expect(text).not.toMatch(/W{61}/);
      expect(text).toContain('W…');
      expect(readFileSync(path.join(folder, RESULT_FILES.predictions), 'utf8')).toContain(labelOf(2));
    });
  });
});
