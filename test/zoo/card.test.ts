import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import { evaluate } from '../../src/evaluation/evaluate';
import { notesLines } from '../../src/folder/readme';
import { lockFolder } from '../../src/foundation/folder-lock';
import { writeCard } from '../../src/zoo/card/card';
import { findModel } from '../../src/zoo/registered-models';
import { readMarkdown } from '../readme/markdown';
import { useBackend } from '../support/backend';
import { inTemporaryFolder } from '../support/clip-files';
import { importOptions } from '../support/import-options';
import { torchFolder } from '../support/parity';
import { smallRegistry } from '../support/registered-model';
import { resumeSmall } from '../support/small-training';

beforeAll(async () => {
  await useBackend('cpu');
});

const [, , START = '', , END = ''] = notesLines();

describe('the card of a model', () => {
  it('tells figures, recipe, weak spots and limits, links to files that are there, and is the same when written twice', async () => {
    await inTemporaryFolder(async (folder) => {
      const hostile = '<script>alert(1)</script>|`x`\n<!-- end of figures -->';
      const { root, name, folder: model } = await smallRegistry(folder, ['HELLO', hostile, 'YOU']);
      const written = await writeCard(findModel(root, name));
      expect(written).toMatchObject({ changed: true, tookOver: false });
      const card = readFileSync(written.file, 'utf8');
      expect(await writeCard(findModel(root, name))).toMatchObject({ changed: false });
      expect(readFileSync(written.file, 'utf8')).toBe(card);

      const document = JSON.parse(readFileSync(path.join(model, 'evaluation_results', 'evaluation.json'), 'utf8')) as {
        gloss: { accuracy: number; accuracy_ci95_low: number };
      };
      expect(card).toContain(`| accuracy | ${(100 * document.gloss.accuracy).toFixed(1)} % |`);
      expect(card).toContain(`| 95 % interval | ${(100 * document.gloss.accuracy_ci95_low).toFixed(1)} % to`);
      expect(card).toMatch(/\| setting \| here \| usually \|[^]*\| emb\\_dim \| 16 \| 256 \|[^]*The others: /);
      expect(card).toMatch(/How many people signed the clips/);
      expect(card).toMatch(/Glosses with fewer than 10 training clips: HELLO \(8\)/);
      expect(card).toMatch(
        /It takes the first 12 frames of a clip, and \d of the evaluated clips were cut to that; the training clips had 5 to 15 frames/,
      );
      expect(card).not.toContain('<script>');
      expect(card.match(/^<!-- end of figures -->$/gm)).toHaveLength(1);
      const pictures = readMarkdown(card).links.filter((link) => !link.includes(':'));
      expect(pictures.length).toBeGreaterThan(3);
      expect(pictures.filter((link) => !existsSync(path.join(model, link)))).toEqual([]);
    });
  });

  it('keeps what was written by hand through cards, evaluations and further training', async () => {
    await inTemporaryFolder(async (folder) => {
      const { root, name, folder: model } = await smallRegistry(folder);
      const readme = path.join(model, 'README.md');
      const written = (text: string): string => [START, text, END].join('\n');
      const among = (page: string): string =>
        page
          .replace(`${START}\n\n${END}`, written('Signed by Ana.'))
          .replace('| accuracy |', `\n${written('Measured in the lab.')}\n\n| accuracy |`)
          .replace(/^(#{2} Data.*)$/m, `$1\n\n${written('Left-handed signers are missing.')}\n`);
      writeFileSync(readme, among(readFileSync(readme, 'utf8')));
      const kept = (): number =>
        ['Signed by Ana.', 'Measured in the lab.', 'Left-handed signers are missing.'].filter((text) =>
          readFileSync(readme, 'utf8').includes(written(text)),
        ).length;
      const evaluateAnew = async (): Promise<void> => {
        expect((await evaluate({ model, batch_size: 4 })).folder).toBe(path.join(model, 'evaluation_results'));
      };
      expect(kept()).toBe(3);
      await evaluateAnew();
      expect(kept()).toBe(3);
      await writeCard(findModel(root, name));
      expect(kept()).toBe(3);
      await evaluateAnew();
      await resumeSmall(path.join(model, 'SignTransformer_last.pt'), { epochs: '3' });
      expect(kept()).toBe(3);
      expect(readFileSync(readme, 'utf8').split(START)).toHaveLength(4);
      await writeCard(findModel(root, name));
      expect(await writeCard(findModel(root, name))).toMatchObject({ changed: false });
      expect(kept()).toBe(3);
    });
  });

  it('is written for an import too, whose settings and data are not known; a page that was written by hand alone becomes a note', async () => {
    await inTemporaryFolder(async (folder) => {
      const root = path.join(folder, 'models');
      const tiny = path.join(torchFolder, 'tiny_full.pt');
      const { folder: model } = await importCheckpoint({ best: tiny }, importOptions(path.join(root, 'transformer')));
      expect(readFileSync(path.join(model, 'README.md'), 'utf8')).toContain(`${START}\n\n${END}`);
      const named = findModel(root, path.basename(model));
      writeFileSync(path.join(model, 'README.md'), '# Mine\n\nAll by hand.\n');
      mkdirSync(path.join(model, 'releases', 'v1.2.0'), { recursive: true });
      mkdirSync(path.join(model, 'releases', 'v1.10.0'));
      writeFileSync(path.join(model, 'CHANGELOG.md'), '# Changelog\n');
      copyFileSync(tiny, path.join(model, 'SignTransformer_production.pt'));
      const { file, tookOver } = await writeCard(named);
      const card = readFileSync(file, 'utf8');
      expect(tookOver).toBe(true);
      expect(card).toContain(`${START}\n# Mine\n\nAll by hand.\n${END}`);
      expect(card).toMatch(
        /Not evaluated yet[^]*## Data\n\nNot known[^]*\[v1\.10\.0\]\(releases\/v1\.10\.0\)\n- \[v1\.2\.0\][^]*CHANGELOG\.md/,
      );
      expect(card).toContain('For use: `SignTransformer_production.pt`');
      expect(await writeCard(named)).toMatchObject({ changed: false, tookOver: false });

      const lock = lockFolder(model, 'train');
      await expect(writeCard(named)).rejects.toThrow(/\(train\) is at work on it/);
      lock.release();
      rmSync(path.join(model, 'SignTransformer_best.pt'));
      rmSync(path.join(model, 'SignTransformer_production.pt'));
      rmSync(path.join(model, 'SignTransformer_last.pt'), { force: true });
      await expect(writeCard(named)).rejects.toThrow(/expected one checkpoint that ends in _best\.pt/);
    });
  });
});
