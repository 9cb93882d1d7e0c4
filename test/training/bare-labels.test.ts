import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { formatNpz } from '../../src/data/npz';
import { startRuntime } from '../../src/engine/runtime';
import { comparedFromFiles } from '../../src/evaluation/compare/compare';
import { compareModels } from '../../src/evaluation/compare/comparison';
import { comparisonText } from '../../src/evaluation/compare/comparison-text';
import { evaluate } from '../../src/evaluation/evaluate';
import type { TrainingEvent } from '../../src/training/events';
import { clipArrays, inTemporaryFolder } from '../support/clip-files';
import { resumeSmall, smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

/** The small set as somebody has it who begins: names for glosses, no categories, no validation clips. */
function writeBareData(folder: string): string {
  const data = writeSmallData(folder);
  const labels = path.join(data, 'train_labels.csv');
  const lines = readFileSync(labels, 'utf8').trim().split('\n').slice(1);
  const named = lines
    .map((line) => line.split(','))
    .map(([name = '', gloss = '']) => `${name};${['THANKS', 'HELLO', 'GOOD'][Number(gloss)] ?? ''}`);
  writeFileSync(labels, ['file;gloss', ...named, ''].join('\n'));
  rmSync(path.join(data, 'val_labels.csv'));
  rmSync(path.join(data, 'keypoints_val'), { recursive: true });
  return data;
}

const textsOf = (events: readonly TrainingEvent[]): string[] =>
  events.flatMap((event) => (event.kind === 'note' || event.kind === 'warning' ? [event.text] : []));

describe('a training on names alone, a share of which validates', () => {
  it('says what it makes of them, goes on with the very same clips, and is evaluated on them', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeBareData(folder);
      const events: TrainingEvent[] = [];
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1', val_share: '0.25', max_len: '10' }), {
        onEvent: (event) => events.push(event),
      });
      expect(textsOf(events)).toEqual([
        'the column gloss holds names: 3 glosses of the labels, numbered in their order (GOOD is 0, THANKS 2) and kept with the model',
        expect.stringMatching(/^the labels have no column cat: only glosses are learned/),
        expect.stringMatching(/^6 of 22 clips validate/),
        expect.stringMatching(
          /^\d+ of 22 clips are longer than the 10 frames that the model takes \(\w+ has 15\): only their first 10 are seen/,
        ),
      ]);
      const names = run.data.validation.set.entries.map(({ name }) => name);
      const { labels } = run.data.dataset;
      expect(labels).toEqual({ gloss: ['GOOD', 'HELLO', 'THANKS'], category: ['all'] });

      // A clip that comes later trains, and a class keeps its id.
      const table = path.join(data, 'train_labels.csv');
      writeFileSync(table, readFileSync(table, 'utf8').replace('file;gloss\n', 'file;gloss\nlater;HELLO\n'));
      writeFileSync(path.join(data, 'keypoints_train/later.npz'), formatNpz(clipArrays(6, 77)));
      const resumed = await resumeSmall(run.folder.files.last, { epochs: '2' });
      expect(resumed.run.data.validation.set.entries.map(({ name }) => name)).toEqual(names);
      expect(resumed.run.data.train.set.entries.map(({ name }) => name)).toContain('later');
      expect(resumed.run.folder.files.folder).toBe(run.folder.files.folder);

      const { result, report } = await evaluate({ model: run.folder.files.folder });
      const page = readFileSync(report, 'utf8');
      expect(page).toContain('gloss accuracy');
      expect(page).not.toMatch(/category accuracy|Every category is right|Confusion matrix of the categories|<h2>Categories/);
      const results = path.dirname(report);
      const header = (file: string): string => readFileSync(path.join(results, file), 'utf8').split('\n', 1)[0] ?? '';
      expect(header('summary_metrics.csv')).toBe('metric,gloss');
      expect(header('predictions.csv')).not.toContain('category');
      expect(readdirSync(results).filter((name) => name.includes('category'))).toEqual([]);
      const links = [...page.matchAll(/href="([^"#]+)"/g)].map(([, link = '']) => link);
      expect(links.filter((link) => !existsSync(path.join(results, link)))).toEqual([]);
      expect(links).toContain('predictions.csv');
      expect(readFileSync(run.folder.files.readme, 'utf8')).not.toMatch(/categor/);
      const compared = comparedFromFiles(run.folder.files.folder);
      expect(comparisonText(compareModels(compared, [{ ...compared, title: 'other' }], false))).not.toContain('category');

      expect(result.clips.map(({ name }) => name).sort()).toEqual(names.toSorted());
      const again = await evaluate({ model: run.folder.files.folder, data, out: path.join(folder, 'again') });
      expect(again.result.gloss).toEqual(result.gloss);
    });
  });
});
