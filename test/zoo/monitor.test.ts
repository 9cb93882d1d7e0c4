import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { loadImage } from '@napi-rs/canvas';
import { runMonitoring, type MonitoringRequest } from '../../src/cli/models/monitor';
import { lightTheme } from '../../src/evaluation/pictures/drawing';
import { ModelFolder } from '../../src/folder/model-folder';
import { lockFolder } from '../../src/foundation/folder-lock';
import { isDrop, judgeDrop, wilson, readHistory, withRow, writeHistory, type HistoryRow } from '../../src/zoo/monitor/history';
import { historyPicture } from '../../src/zoo/monitor/history-picture';
import { watchedCheckpoint, retrainingOf } from '../../src/zoo/monitor/monitor-model';
import { findModelOrRelease } from '../../src/zoo/registered-models';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { smallRegistry } from '../support/registered-model';

beforeAll(async () => {
  await useBackend('cpu');
});

function row(more: Partial<HistoryRow> = {}): HistoryRow {
  return {
    date: '2026-11-24T12:00:00.000Z',
    version: '1.0.0',
    data: 'clips/november, "new"',
    fingerprint: 'ab'.repeat(32),
    clips: 78,
    gloss_acc: 0.6,
    gloss_low: 0.5,
    gloss_high: 0.7,
    cat_acc: 0.9,
    cat_low: 0.85,
    cat_high: 0.95,
    f1_weighted: 0.58,
    expected_calibration_error: 0.1,
    verdict: 'within_interval',
    basis: 'intervals',
    ...more,
  };
}

/** An evaluation of so many clips, of which some are right. */
function evaluated(right: number, clips: number, fingerprint: string): Parameters<typeof judgeDrop>[1] {
  const accuracy = right / clips;
  const figures = { accuracy, top_5_accuracy: 1, f1_weighted: accuracy, f1_macro: accuracy, accuracy_ci95_low: 0, accuracy_ci95_high: 1 };
  const clip = (
    place: number,
  ): [string, Parameters<typeof judgeDrop>[1]['clips'] extends ReadonlyMap<string, infer Clip> ? Clip : never] => [
    `clip_${place}`,
    { truth: { gloss: 0, category: 0 }, label: 'HELLO', correct: { gloss: place < right, category: place < right } },
  ];
  return {
    title: 'model',
    named: 'model',
    data: { title: 'clips', fingerprint, synthetic: false },
    figures: { gloss: figures, category: figures },
    clips: new Map(Array.from({ length: clips }, (_, place) => clip(place))),
    warnings: [],
  };
}

describe('a drop', () => {
  it('has the interval of Newcombe’s method 10 where the clips differ', () => {
    // Newcombe 1998, Statistics in Medicine 17, table II, example (a): 56/70 against 48/80 gives 0.0524 to 0.3339.
    const { heads, basis, verdict } = judgeDrop(evaluated(56, 70, 'one'), evaluated(48, 80, 'other'));
    expect(basis).toBe('intervals');
    expect(heads?.gloss.interval?.low).toBeCloseTo(-0.3339, 4);
    expect(heads?.gloss.interval?.high).toBeCloseTo(-0.0524, 4);
    expect(verdict).toBe('drop_both');
    expect([isDrop(verdict, 'gloss'), isDrop('drop_category', 'gloss'), isDrop('drop_gloss', 'gloss')]).toEqual([true, false, true]);
    expect(judgeDrop(evaluated(56, 70, 'one'), evaluated(58, 80, 'other')).verdict).toBe('within_interval');
    expect(judgeDrop(evaluated(70, 70, 'one'), evaluated(5, 5, 'other')).verdict).toBe('within_interval');
    expect(wilson(1, 10)).toEqual({ low: expect.closeTo(0.7225, 4), high: expect.closeTo(1, 9) });
    expect(wilson(0.5, 0)).toEqual({ low: 0, high: 1 });
  });

  it('is paired where the clips are the same', () => {
    const { heads, ...told } = judgeDrop(evaluated(40, 78, 'same'), evaluated(30, 78, 'same'));
    expect(told).toEqual({ verdict: 'drop_both', basis: 'paired' });
    expect(heads?.gloss.p).toBeCloseTo(2 * 2 ** -10, 9);
    expect(judgeDrop(evaluated(40, 78, 'same'), evaluated(38, 78, 'same')).verdict).toBe('within_interval');
    expect(judgeDrop(evaluated(40, 78, 'same'), evaluated(40, 78, 'same')).verdict).toBe('unchanged');
    expect(judgeDrop(undefined, evaluated(1, 2, 'x'))).toEqual({ verdict: 'no_reference', basis: 'none', heads: undefined });
  });
});

describe('the history', () => {
  it('is read as it was written, has one row of a version on the same data, and tells all that is wrong with it', async () => {
    await inTemporaryFolder((folder) => {
      const file = path.join(folder, 'performance_history.csv');
      expect(readHistory(file)).toEqual([]);
      const [first, second] = [row(), row({ version: '1.1.0' })];
      const again = withRow([first, second], row({ date: '2026-12-01T12:00:00.000Z', gloss_acc: 0.61 }));
      expect(again.replaced).toEqual(first);
      expect(again.rows.map(({ version, gloss_acc }) => [version, gloss_acc])).toEqual([
        ['1.1.0', 0.6],
        ['1.0.0', 0.61],
      ]);
      expect(withRow([first], row({ fingerprint: 'cd'.repeat(32) }))).toMatchObject({ rows: { length: 2 }, replaced: undefined });
      writeHistory(file, again.rows);
      expect(readHistory(file)).toEqual(again.rows);
      expect(readdirSync(folder)).toEqual(['performance_history.csv']);
      const text = readFileSync(file, 'utf8');
      writeFileSync(file, `${text.replace('0.61', '61').replace('within_interval', 'fine')}2026,1.0\n`);
      expect(() => readHistory(file)).toThrow(/mend it, or move it away[^]*line 4: 2 cells[^]*line 2: verdict[^]*line 3: gloss_acc/);
      writeFileSync(file, text.replace('0.58', ''));
      expect(() => readHistory(file)).toThrow(/line 2: f1_weighted is empty/);
      writeFileSync(file, 'date,version\n');
      expect(() => readHistory(file)).toThrow(/no column "data"/);
    });
  });

  it.each([1, 3, 20])('is drawn with %i rows', async (count) => {
    const rows = Array.from({ length: count }, (_, place) => row({ verdict: place % 2 === 0 ? 'drop_gloss' : 'unchanged' }));
    const image = await loadImage(historyPicture('a model', rows, lightTheme));
    expect(image.width).toBe(2 * Math.max(860, 120 + 62 * count));
  });
});

describe('monitoring', () => {
  it('keeps the history of a model on new data, warns of a drop, and trains anew from the same settings', async () => {
    await inTemporaryFolder(async (folder) => {
      const { root, name, folder: model, data } = await smallRegistry(folder);
      const told = { output: '', errors: '' };
      const terminal = {
        output: { write: (text: string) => (told.output += text) },
        errors: { write: (text: string) => (told.errors += text) },
      };
      const monitor = async (more: Partial<MonitoringRequest> = {}): Promise<number> => {
        told.output = '';
        const options = { batchSize: 4, retrain: false, failIfWorse: true, json: false, verbose: false };
        return await runMonitoring({ named: findModelOrRelease(root, name), data, ...options, ...more }, terminal);
      };
      expect(await monitor()).toBe(0);
      expect(await monitor()).toBe(0);
      expect(told.output).toMatch(
        /verdict +as in its own evaluation[^]*performance_history\.csv, 1 row; that of \d{4}-\d\d-\d\d, of the same version on the same data, was replaced/,
      );

      // An own evaluation without a fault, and new clips with labels that are none of its predictions.
      const evaluation = path.join(model, 'evaluation_results', 'evaluation.json');
      const document = JSON.parse(readFileSync(evaluation, 'utf8')) as { gloss: { accuracy: number } };
      writeFileSync(evaluation, JSON.stringify({ ...document, gloss: { ...document.gloss, accuracy: 1 } }));
      const fresh = path.join(folder, 'fresh clips');
      cpSync(data, fresh, { recursive: true });
      const labels = readFileSync(path.join(fresh, 'val_labels.csv'), 'utf8').trim().split('\n');
      const predicted = new Map(
        readFileSync(path.join(model, 'evaluation_results', 'predictions.csv'), 'utf8')
          .trim()
          .split('\n')
          .slice(1)
          .map((line) => [line.split(',')[0], Number(line.split(',')[3])] as const),
      );
      const wrong = labels.slice(1).map((line) => {
        const [file = '', , category = ''] = line.split(',');
        return [file, ((predicted.get(file) ?? 0) + 1) % 3, category].join(',');
      });
      writeFileSync(path.join(fresh, 'val_labels.csv'), ['file,gloss,cat', ...wrong, ''].join('\n'));
      expect(await monitor({ data: fresh, json: true })).toBe(2);
      expect(JSON.parse(told.output)).toMatchObject({ gloss_acc: 0, verdict: 'drop_gloss', basis: 'intervals', rows: 2, replaced: null });
      expect(await monitor({ data: fresh, retrain: true, failIfWorse: false })).toBe(0);
      expect(told.output).toMatch(
        /a DROP in gloss beyond what chance would explain \(both intervals[^]*npm run train -- --config \S+ --data '\S+fresh clips'/,
      );
      const [retrained] = readdirSync(path.dirname(model)).filter((other) => other !== name);
      expect(retrained).toMatch(/^transformer_baseline-on-fresh-clips_\d\d-\d\d$/);
      const record = new ModelFolder(path.join(path.dirname(model), retrained ?? '')).readConfig();
      expect(record.run).toMatchObject({ follows: name, data: { title: fresh } });
      expect(record['emb_dim']).toBe(16);

      // What cannot be done changes nothing.
      const history = readFileSync(path.join(model, 'performance_history.csv'), 'utf8');
      writeFileSync(path.join(fresh, 'labels_reference.csv'), 'gloss_id,label,cat_id,category\n0,A,0,SAID\n1,B,1,SHOWN\n2,C,0,SAID\n');
      await expect(monitor({ data: fresh })).rejects.toThrow(
        /trained on other classes[^]*gloss 0: the model knows it as HELLO, the data as A/,
      );
      const lock = lockFolder(model, 'release');
      await expect(monitor()).rejects.toThrow(/\(release\) is at work on it/);
      lock.release();
      expect(readFileSync(path.join(model, 'performance_history.csv'), 'utf8')).toBe(history);
      writeFileSync(path.join(model, 'performance_history.csv'), 'mine\n');
      await expect(monitor()).rejects.toThrow(/it is no history/);
      await expect(monitor({ data: undefined, retrain: true })).rejects.toThrow(/--retrain: a training needs a whole data folder/);
      expect(existsSync(path.join(path.dirname(model), `.${name}.lock`))).toBe(false);

      const version = (named = name): string => watchedCheckpoint(findModelOrRelease(root, named)).checkpoint.version;
      expect(version()).toMatch(/^best epoch [12]$/);
      copyFileSync(path.join(model, 'SignTransformer_best.pt'), path.join(model, 'SignTransformer_production.pt'));
      expect(version()).toMatch(/^production epoch [12]$/);
      for (const release of ['v1.0.0', 'v1.1.0']) {
        mkdirSync(path.join(model, 'releases', release), { recursive: true });
        copyFileSync(path.join(model, 'SignTransformer_best.pt'), path.join(model, 'releases', release, 'SignTransformer_production.pt'));
      }
      expect([version(), version(`${name}@1.0.0`)]).toEqual(['1.1.0', '1.0.0']);
    });
  });

  it('gives settings that name parts of the data up for the folder', async () => {
    await inTemporaryFolder((folder) => {
      const run = { name: 'x', created: '2026', versions: { kumpas: '0' }, classes: { gloss: 1, category: 1 }, model: {} };
      const settings = { model: 'transformer', description: 'one-on-two', keypoints_train: 'a', labels_val_csv: 'b', data: null };
      writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ ...settings, run }));
      const { settings: asked, commandLine } = retrainingOf({ name: 'x', folder }, 'clips of ünï/');
      expect(asked).toEqual({
        data: 'clips of ünï/',
        description: 'one-on-clips-of-n',
        save_dir: path.dirname(folder),
        keypoints_train: 'none',
        labels_val_csv: 'none',
      });
      expect(commandLine).toContain("--data 'clips of ünï/' --description one-on-clips-of-n");
      expect(commandLine).toContain('--keypoints-train none');
    });
  });
});
