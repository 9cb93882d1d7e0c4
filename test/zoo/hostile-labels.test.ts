import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { startRuntime } from '../../src/engine/runtime';
import { comparedFromFiles } from '../../src/evaluation/compare/compare';
import { RESULT_FILES } from '../../src/folder/contents';
import { pageText } from '../../src/folder/readme';
import { evaluateRun } from '../../src/training/run';
import { cardPage } from '../../src/zoo/card/card';
import { readCardFacts, readClassFigures } from '../../src/zoo/card/card-sections';
import { inTemporaryFolder } from '../support/clip-files';
import { smallSettings, trainSmall, writeSmallData } from '../support/small-training';

beforeAll(async () => {
  await startRuntime();
});

const FORMULA = "=cmd|'/c calc'!A1";
const STEERING = '\u001b[2J\u009b31m\u202eforged';

describe('labels that are formulas, or hold what steers a terminal', () => {
  it('stay labels from the training to the card: no cell runs, no code is left, and every reader has the same name', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = writeSmallData(folder);
      const reference = [
        'gloss_id,label,cat_id,category',
        `0,"${FORMULA}",0,-CATEGORY`,
        `1,"A${STEERING}\nline",1,OTHER`,
        '2,<script>alert(1)</script>,0,-CATEGORY',
      ];
      writeFileSync(path.join(data, 'labels_reference.csv'), `${reference.join('\n')}\n`);
      const { run } = await trainSmall(smallSettings(folder, { epochs: '1' }));
      const result = await evaluateRun(run);
      const shown = 'A\ufffd[2J\ufffd31m\ufffdforged\ufffdline';
      expect(result.gloss.labels).toEqual([FORMULA, shown, '<script>alert(1)</script>']);

      const results = path.join(run.folder.files.folder, 'evaluation_results');
      const read = (name: string): string => readFileSync(path.join(results, name), 'utf8');
      for (const name of [RESULT_FILES.predictions, RESULT_FILES.perClass, RESULT_FILES.confusionTable, RESULT_FILES.perCategory]) {
        expect(read(name)).toContain(name === RESULT_FILES.perCategory ? "'-CATEGORY" : `'${FORMULA}`);
        expect(read(name)).not.toMatch(/(^|,|")[=+@-](?!\d)/m);
        expect(read(name).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
      }
      const page = read(RESULT_FILES.report);
      expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
      expect(page).not.toContain('<script>alert');
      expect(page.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);

      const labels = [...comparedFromFiles(run.folder.files.folder).clips.values()].map(({ label }) => label);
      expect(new Set(labels)).toEqual(new Set(result.gloss.labels));
      expect(readClassFigures(path.join(results, RESULT_FILES.perClass))?.map(({ label }) => label)).toEqual(result.gloss.labels);
      const card = pageText(cardPage(readCardFacts({ name: 'hostile', folder: run.folder.files.folder })));
      expect(card).toContain("=cmd\\|'/c calc'!A1");
      expect(card.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
    });
  });
});
