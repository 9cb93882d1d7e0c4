import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { HOLISTIC_78 } from '../../src/config/known-layouts';
import type { ClipSet } from '../../src/data/clip-set';
import { findings } from '../../src/evaluation/report/findings';
import { foreignPart } from '../../src/evaluation/report/markup';
import { describeHead, worstClips, type EvaluationResult } from '../../src/evaluation/result';
import { evaluationDocument } from '../../src/evaluation/results/contents';
import { readmeFigures, writeResults } from '../../src/evaluation/results/write-results';
import { inTemporaryFolder } from '../support/clip-files';

/** What a head gives for a clip: the true class, the class that it takes it for, and how sure it is of that. */
type Judged = readonly [truth: number, predicted: number, confidence: number];

function head(classes: number, judged: readonly Judged[]): EvaluationResult['gloss'] {
  const logits = judged.flatMap(([, predicted, confidence]) => {
    const other = (1 - confidence) / (classes - 1);
    return Array.from({ length: classes }, (_, id) => Math.log(id === predicted ? confidence : other));
  });
  const labels = Array.from({ length: classes }, (_, id) => `SIGN ${id}`);
  return describeHead(
    Float32Array.from(logits),
    Int32Array.from(judged, ([truth]) => truth),
    labels,
  );
}

function resultOf(classes: number, judged: readonly Judged[], more: Partial<EvaluationResult> = {}): EvaluationResult {
  const gloss = head(classes, judged);
  return {
    model: { file: 'model/m.pt', architecture: 'SignTransformer', epoch: 1, assumptions: [], maxFrames: 300 },
    data: { title: 'some', synthetic: false, fingerprint: 'f'.repeat(64) },
    clips: judged.map(([truth], clip) => ({ name: `clip_${clip}`, file: '', frames: 3, gloss: truth, category: 0, occluded: undefined })),
    cutClips: 0,
    leftOut: [],
    clipsPerSecond: 1,
    gloss,
    category: head(
      2,
      judged.map(() => [0, 0, 0.9]),
    ),
    categoryOfGloss: gloss.labels.map(() => 0),
    ...more,
  };
}

async function pageOf(result: EvaluationResult, set?: ClipSet): Promise<string> {
  return await inTemporaryFolder(async (folder) => {
    const onWarning = (warning: string): void => {
      throw new Error(warning);
    };
    await writeResults(folder, result, { curves: [], created: new Date(0), onWarning, ...(set === undefined ? {} : { set }) });
    return readFileSync(path.join(folder, 'report.html'), 'utf8');
  });
}

describe('the worst clips', () => {
  const judged: Judged[] = [
    [0, 0, 0.4],
    [1, 0, 0.9],
    [2, 3, 0.5],
    [0, 0, 0.99],
  ];

  it('are the wrong ones first, however unsure the model was of right ones', () => {
    const unsure = resultOf(20, [[0, 0, 0.06], [1, 2, 0.051]]); // prettier-ignore
    expect(worstClips(unsure, 2).map(({ clip, gloss }) => [clip.name, gloss.correct])).toEqual([
      ['clip_1', false],
      ['clip_0', true],
    ]);
    expect(worstClips(resultOf(4, judged), 4).map(({ index }) => index)).toEqual([1, 2, 0, 3]);
  });

  it('are shown as skeletons where they are of key points, in a page that is Kumpas’s own', async () => {
    const values = judged.map((_, clip) => Float32Array.from({ length: 3 * 156 }, (_unused, place) => ((place * (clip + 1)) % 97) / 97));
    const { clips: entries, ...rest } = resultOf(4, judged);
    const page = await pageOf({ clips: entries, ...rest }, { entries, width: 156, keypoints: HOLISTIC_78, values, key: 'X' });
    expect(page.match(/<img class="strip" src="data:image\/png;base64,/g)).toHaveLength(4);
    expect(page.indexOf('Skeletons of clip_1')).toBeLessThan(page.indexOf('Skeletons of clip_0'));
    expect(foreignPart(page)).toBeUndefined();
    const features = values.map(() => new Float32Array(3 * 8));
    expect(await pageOf({ clips: entries, ...rest }, { entries, width: 8, values: features, key: 'X' })).not.toContain('class="strip"');
  });
});

describe('a report', () => {
  it.each([
    [13, ['gloss among the top 5', '<td>top_5_accuracy</td>', '<td>top_3_accuracy</td>'], []],
    [4, ['gloss among the top 3', '<td>top_3_accuracy</td>'], ['top_5_accuracy', 'top 5']],
    [3, [], ['top_5_accuracy', 'top_3_accuracy', 'among the top']],
  ])('of %i classes says what is worth saying of the likeliest few', async (classes, there, notThere) => {
    const result = resultOf(classes, [
      [0, 0, 0.9],
      [1, 2, 0.8],
    ]);
    const page = await pageOf(result);
    for (const text of there) expect(page).toContain(text);
    for (const text of notThere) expect(page).not.toContain(text);
    const figures = readmeFigures('evaluation_results', result).join('\n');
    expect(figures.includes('| top-5 accuracy |')).toBe(classes > 5);
    expect(figures.includes('| top-3 accuracy |')).toBe(classes === 4);
  });

  it('counts one of a thing as one', async () => {
    const [truth] = [[[1, 0, 0.9]] as const];
    const page = await pageOf(resultOf(13, truth, { leftOut: [{ file: 'a.npz', problem: 'cut off' }], cutClips: 1 }));
    expect(page).toContain('(1 clip, fingerprint');
    expect(page).toContain('1 clip was left out as unusable: a.npz.');
    expect(page).toContain('1 clip was longer than 300 frames');
    expect(page).toContain('Of 1 wrong gloss ');
    expect(page).not.toMatch(/\b1 (clips|glosses|classes|epochs)\b/);
  });

  it('calls a confidence right only where it is right in every interval, not on average alone', () => {
    const times = (count: number, clip: Judged): Judged[] => Array.from({ length: count }, () => clip);
    const confidenceOf = (judged: Judged[]): string => findings(resultOf(20, judged)).find((text) => text.startsWith('On average')) ?? '';
    expect(confidenceOf([...times(9, [0, 0, 0.9]), [1, 0, 0.9]])).toMatch(
      /about as sure as it is right \(expected calibration error 0\.0 %\)/,
    );
    // Half are sure and wrong, half are unsure and right: right on average.
    expect(confidenceOf([...times(5, [1, 0, 0.7]), ...times(5, [0, 0, 0.3])])).toMatch(
      /sure of a gloss and right in 50 %: too sure in some clips and not sure enough in others/,
    );
    expect(confidenceOf(times(4, [1, 0, 0.9]))).toContain('too sure of itself');
    expect(confidenceOf(times(4, [0, 0, 0.6]))).toContain('less sure than it could be');
  });
});

describe('evaluation.json', () => {
  it('has as warnings what was said on the way, and what was not evaluated as it lies there', () => {
    const result = resultOf(4, [[0, 0, 0.9]], {
      warnings: ['the demo set is another one'],
      cutClips: 2,
      leftOut: [{ file: 'a.npz', problem: 'cut off' }],
    });
    expect(evaluationDocument(result)['warnings']).toEqual([
      'the demo set is another one',
      '2 clips were longer than 300 frames and cut to the first 300.',
      '1 clip was left out as unusable: a.npz.',
    ]);
    expect(evaluationDocument(resultOf(4, [[0, 0, 0.9]]))['warnings']).toEqual([]);
  });
});
