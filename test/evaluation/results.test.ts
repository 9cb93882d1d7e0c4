import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { parse } from 'csv-parse/sync';
import { drawPictures, type ResultPictures } from '../../src/evaluation/pictures/charts';
import { between, darkTheme, lightTheme, readableOn } from '../../src/evaluation/pictures/drawing';
import { foreignPart } from '../../src/evaluation/report/markup';
import { describeHead, type EvaluationResult } from '../../src/evaluation/result';
import { readmeFigures, saveResults } from '../../src/evaluation/results/write-results';
import { readCurves } from '../../src/evaluation/training-curves';
import { ModelFolder } from '../../src/folder/model-folder';
import { RandomStream } from '../../src/foundation/random';
import { inTemporaryFolder } from '../support/clip-files';

const DANGEROUS = '<script>alert("1")</script> & \'co\', "inc"';

/** An evaluation of drawn logits. */
function drawnResult(folder: string, glosses = 13, clips = 40): EvaluationResult {
  const random = new RandomStream(4, glosses);
  const categories = 3;
  const truths = Array.from({ length: clips }, (_, clip) => clip % glosses);
  const logits = (classes: number, idOf: (gloss: number) => number): Float32Array => {
    const values = Float32Array.from({ length: clips * classes }, () => random.normal());
    truths.forEach((gloss, clip) => {
      const place = clip * classes + idOf(gloss);
      values[place] = (values[place] ?? 0) + 2;
    });
    return values;
  };
  const glossLabels = Array.from({ length: glosses }, (_, id) => (id === 0 ? DANGEROUS : `SIGN ${id}`));
  return {
    model: {
      file: path.join(folder, 'SignTransformer_best.pt'),
      architecture: 'SignTransformer',
      epoch: 7,
      assumptions: [],
      maxFrames: 300,
    },
    data: { title: 'drawn', synthetic: true, fingerprint: 'f'.repeat(64) },
    clips: truths.map((gloss, clip) => ({
      name: `clip_${clip}`,
      file: '',
      frames: 20,
      gloss,
      category: gloss % categories,
      occluded: clip % 4 === 0,
    })),
    cutClips: 2,
    leftOut: [{ file: 'broken.npz', problem: 'cut off' }],
    clipsPerSecond: 100,
    gloss: describeHead(
      logits(glosses, (gloss) => gloss),
      Int32Array.from(truths),
      glossLabels,
    ),
    category: describeHead(
      logits(categories, (gloss) => gloss % categories),
      Int32Array.from(truths, (gloss) => gloss % categories),
      ['ONE', 'TWO', 'THREE'],
    ),
    categoryOfGloss: glossLabels.map((_, id) => id % categories),
  };
}

const curves = [1, 2, 3].map((epoch) => ({
  epoch,
  train_loss: 2 / epoch,
  val_loss: 2.1 / epoch,
  gloss_acc: epoch / 4,
  cat_acc: epoch / 3,
}));
const created = new Date(Date.UTC(2026, 8, 20, 12));

async function saved(folder: string, result: EvaluationResult, withCurves = curves): Promise<string> {
  const warnings: string[] = [];
  const results = path.join(folder, 'evaluation_results');
  await saveResults(results, result, { curves: withCurves, created, onWarning: (warning) => warnings.push(warning) });
  expect(warnings).toEqual([]);
  return results;
}

function pngsOf({ confusion, categoryConfusion, reliability, curves: ofTraining }: ResultPictures): Buffer[] {
  const drawn = [confusion, categoryConfusion, reliability, ofTraining].flatMap((png) => (png === undefined ? [] : [png]));
  expect(drawn).toHaveLength(4);
  return drawn;
}

function table(file: string): Record<string, string>[] {
  return parse(readFileSync(file, 'utf8'), { columns: true });
}

describe('evaluation_results', () => {
  it('holds every file, and the tables agree with each other', async () => {
    await inTemporaryFolder(async (folder) => {
      const result = drawnResult(folder);
      const results = await saved(folder, result);
      expect(readdirSync(results).sort()).toEqual([
        'confusion_matrix.csv',
        'confusion_matrix.png',
        'confusion_matrix_category.csv',
        'confusion_matrix_category.png',
        'evaluation.json',
        'per_class_metrics.csv',
        'per_class_metrics_category.csv',
        'predictions.csv',
        'reliability.png',
        'report.html',
        'summary_metrics.csv',
        'training_curves.png',
      ]);
      const summary = new Map(table(path.join(results, 'summary_metrics.csv')).map((row) => [row['metric'], row]));
      expect([...summary.keys()].slice(0, 4)).toEqual(['accuracy', 'balanced_accuracy', 'top_3_accuracy', 'top_5_accuracy']);
      expect(summary.get('clips')).toEqual({ metric: 'clips', gloss: '40', category: '40' });
      expect(summary.get('clips_left_out')?.['gloss']).toBe('1');
      expect(summary.get('clips_occluded')?.['gloss']).toBe('10');
      const predictions = table(path.join(results, 'predictions.csv'));
      expect(predictions).toHaveLength(40);
      const share = (column: string, rows = predictions): number => rows.filter((row) => row[column] === '1').length / rows.length;
      expect(Number(summary.get('accuracy')?.['gloss'])).toBeCloseTo(share('correct'), 12);
      expect(Number(summary.get('accuracy')?.['category'])).toBeCloseTo(share('category_correct'), 12);
      const hidden = predictions.filter((row) => row['occluded'] === '1');
      expect(Number(summary.get('accuracy_occluded')?.['gloss'])).toBeCloseTo(share('correct', hidden), 12);
      for (const row of predictions) {
        expect(row['correct'] === '1').toBe(row['rank_of_truth'] === '1');
        expect(row['top5']?.startsWith(`${row['pred_gloss_label'] ?? ''} (${row['pred_gloss'] ?? ''}) `)).toBe(true);
      }
      const perClass = table(path.join(results, 'per_class_metrics.csv'));
      expect(perClass[0]).toMatchObject({ class_id: '0', label: DANGEROUS, support: '4' });
      const matrix = table(path.join(results, 'confusion_matrix.csv'));
      expect(Number(matrix[3]?.['SIGN 3'])).toBe(
        predictions.filter((row) => row['true_gloss'] === '3' && row['pred_gloss'] === '3').length,
      );
      const document = JSON.parse(readFileSync(path.join(results, 'evaluation.json'), 'utf8')) as Record<string, unknown>;
      expect(document).toMatchObject({ epoch: 7, data: { clips: 40, cut_clips: 2, synthetic: true }, gloss: result.gloss.metrics });
    });
  });

  it('has a report in which a label is text and nothing else, that needs no network', async () => {
    await inTemporaryFolder(async (folder) => {
      const results = await saved(folder, drawnResult(folder));
      const page = readFileSync(path.join(results, 'report.html'), 'utf8');
      expect(page).not.toContain(DANGEROUS);
      expect(page).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;co&#39;');
      expect(page.match(/<script/g)).toHaveLength(1);
      const script = /<script>([^]*)<\/script>/.exec(page)?.[1] ?? '';
      expect(page).toContain(`script-src &#39;sha256-${createHash('sha256').update(script).digest('base64')}&#39;`);
      expect(script).toContain('aria-sort');
      expect(page).toMatch(/Content-Security-Policy" content="default-src &#39;none&#39;; img-src data:/);
      expect(page.match(/(src|srcset|href)="(?!data:|#|[\w.]+")/g)).toBeNull();
      expect(page).toContain('Synthetic data.');
      expect(foreignPart(page)).toBeUndefined();
      expect(page.match(/prefers-color-scheme: dark\)" srcset="data:image\/png/g)).toHaveLength(4);
    });
  });

  it('leaves out what an evaluation has not, also where an earlier one had it', async () => {
    await inTemporaryFolder(async (folder) => {
      const result = drawnResult(folder, 4);
      await saved(folder, result);
      const results = await saved(folder, result, []);
      expect(existsSync(path.join(results, 'training_curves.png'))).toBe(false);
      expect(readFileSync(path.join(results, 'report.html'), 'utf8')).toContain('No training log lies beside the checkpoint');
    });
  });

  it('gives the README of the model’s folder its figures, where that has a place for them', async () => {
    await inTemporaryFolder((folder) => {
      const readme = path.join(folder, 'README.md');
      writeFileSync(
        readme,
        [
          '# mine',
          '<!-- figures: npm run evaluate writes them anew -->',
          '',
          'old figures',
          '',
          '<!-- end of figures -->',
          'kept',
          '',
        ].join('\n'),
      );
      const result = drawnResult(folder);
      const update = (): void => {
        new ModelFolder(folder).writeFigures(() => readmeFigures(path.join(folder, 'evaluation_results'), result));
      };
      update();
      update();
      const text = readFileSync(readme, 'utf8');
      expect(text).toMatch(/^# mine\n<!-- figures[^]*\| accuracy \| \d+\.\d % \|[^]*end of figures -->\nkept\n$/);
      expect(text).not.toContain('old figures');
      expect(text).not.toContain('<script>');
      expect(text.match(/\| accuracy \|/g)).toHaveLength(1);
      writeFileSync(readme, '# written by hand\n');
      update();
      expect(readFileSync(readme, 'utf8')).toBe('# written by hand\n');
    });
  });
});

const refuse = (warning: string): void => {
  throw new Error(warning);
};

describe('pictures', () => {
  it('are drawn in memory that is free again for the next one', async () => {
    const result = drawnResult('folder', 13, 120);
    await drawPictures(result, curves, lightTheme, refuse);
    const before = process.memoryUsage.rss();
    for (let times = 0; times < 8; times++) await drawPictures(result, curves, lightTheme, refuse);
    expect(process.memoryUsage.rss() - before).toBeLessThan(300e6); // 32 pictures of 8 to 10 MB each, and as much for what is read of them.
  });

  it.each([1, 4, 13, 105, 151])(
    'are of twice the resolution, with their title in letters that are there on any machine, of %i classes',
    async (classes) => {
      for (const theme of [lightTheme, darkTheme]) {
        for (const png of pngsOf(await drawPictures(drawnResult('folder', classes, 120), curves, theme, refuse))) {
          const image = await loadImage(png);
          expect(image.width).toBeGreaterThanOrEqual(800);
          const canvas = createCanvas(image.width, 100);
          const context = canvas.getContext('2d');
          context.drawImage(image, 0, 0);
          const { data } = context.getImageData(0, 0, image.width, 100);
          const background = [0, 1, 2].map((channel) => parseInt(theme.background.slice(1 + 2 * channel, 3 + 2 * channel), 16));
          expect([...data.subarray(0, 3)]).toEqual(background);
          const inked = data.filter((value, place) => place % 4 === 0 && Math.abs(value - (background[0] ?? 0)) > 100).length;
          expect(inked).toBeGreaterThan(1000);
        }
      }
    },
  );

  it('give a text that is read on any shade a colour of enough contrast', () => {
    expect(readableOn('#ffffff')).toBe('#000000');
    expect(readableOn(lightTheme.right)).toBe('#ffffff');
    expect(readableOn(darkTheme.right)).toBe('#000000');
    expect(between('#000000', '#ff8000', 0.5)).toBe('#804000');
  });
});

describe('training curves', () => {
  it('are read from a log of Kumpas and from one of the PyTorch pipeline', () => {
    const ours = 'epoch,train_loss,val_loss,gloss_acc,cat_acc,lr\n1,2.5,2.25,0.5,0.75,0.001\n2,x,1,1,1,1\n';
    const theirs =
      '"# Training Configuration: epochs=30"\n# Timestamp\n\nepoch,train_loss,val_loss,val_gloss_acc,val_cat_acc,lr\n1,2.5,2.25,0.5,0.75,1\n';
    const expected = [{ epoch: 1, train_loss: 2.5, val_loss: 2.25, gloss_acc: 0.5, cat_acc: 0.75 }];
    expect(readCurves(ours, 'log')).toEqual(expected);
    expect(readCurves(theirs, 'log')).toEqual(expected);
    expect(readCurves('nothing of the kind', 'log')).toEqual([]);
  });
});
