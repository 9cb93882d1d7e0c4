import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { SplitOptions } from '../../../src/data/collections/options';
import { readCollection, type Split } from '../../../src/data/collections/read-collection';
import { splitSet, type ClipsPlaced, type SplitResult } from '../../../src/data/collections/split-set';
import { openDataset } from '../../../src/data/dataset';
import type { NpyArray } from '../../../src/data/npy-array';
import { formatNpz } from '../../../src/data/npz';
import type { WorkEvent } from '../../../src/foundation/hooks';
import { clipArrays, inTemporaryFolder, writeCollection, type TestCollectedClip } from '../../support/clip-files';
import { checkout } from '../../support/commands';

/** So many clips of each sign, by five signers in turn. */
const clipsOf = (counts: Readonly<Record<string, number>>): TestCollectedClip[] =>
  Object.entries(counts).flatMap(([sign, count]) =>
    Array.from({ length: count }, (_, index) => ({ name: `${sign}/${index}`, sign, signer: `signer ${index % 5}` })),
  );

interface Told {
  readonly result: SplitResult;
  readonly lines: readonly string[];
}

async function split(options: SplitOptions): Promise<Told> {
  const lines: string[] = [];
  const onEvent = (event: WorkEvent | ClipsPlaced): void => {
    if (event.kind === 'note' || event.kind === 'warning') lines.push(`${event.kind}: ${event.text}`);
  };
  return { result: await splitSet(options, { onEvent }), lines };
}

/** The names of a set's clips by part. */
async function partsOf(set: string): Promise<Record<Split, string[]>> {
  const { clips } = await readCollection(set);
  const inPart = (part: Split): string[] => clips.filter((clip) => clip.split === part).map(({ label }) => label.name);
  return { train: inPart('train'), validation: inPart('validation'), test: inPart('test') };
}

/** Every file of a folder with its content's digest. */
function snapshot(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((file) => [path.relative(folder, file), createHash('sha256').update(readFileSync(file)).digest('hex')]),
  );
}

async function withCollection(
  clips: readonly TestCollectedClip[],
  test: (places: { readonly clips: string; readonly out: string; readonly folder: string }) => Promise<void>,
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const collection = path.join(folder, 'clips');
    writeCollection(collection, clips, new Map(clips.map(({ sign }) => [sign, sign < 'm' ? 'early' : 'late'])));
    await test({ clips: collection, out: path.join(folder, 'set'), folder });
  });
}

describe('splitSet', () => {
  it('makes a set that a training opens, with all clips, their columns and a manifest; the collection stays', async () => {
    await withCollection(clipsOf({ hello: 10, thanks: 5, yes: 2, rare: 1 }), async ({ clips, out }) => {
      const before = snapshot(clips);
      const { result, lines } = await split({ clips, out });
      expect(snapshot(clips)).toEqual(before);
      expect(result).toMatchObject({ sets: [{ folder: out, train: 14, validation: 4, test: 0 }], glosses: 4, categories: 2 });
      expect(lines).toEqual(['warning: 1 gloss has no validation clip: rare; figures say nothing of it']);
      const { train, validation } = await openDataset({ folder: out }, { key: 'X', width: 156, memoryBudgetBytes: 1e9, needTrain: true });
      expect(train?.entries).toHaveLength(14);
      expect(new Set(validation.entries.map(({ gloss }) => gloss))).toEqual(new Set([0, 2, 3]));
      expect(readFileSync(path.join(out, 'val_labels.csv'), 'utf8')).toMatch(/^file,gloss,cat,signer\nhello\/\d,0,0,signer \d\n/);
      const manifest = JSON.parse(readFileSync(path.join(out, 'split.json'), 'utf8')) as {
        source: string;
        clips: { file: string; from: string; sha256: string }[];
      };
      expect(manifest.source).toBe('../clips');
      expect(manifest.clips).toHaveLength(18);
      const [written, original] = [snapshot(out), before];
      for (const { file, from, sha256 } of manifest.clips) expect([written[file], original[from]]).toEqual([sha256, sha256]);
    });
  });

  it('gives the same bytes for the same seed, and another split for another', async () => {
    await withCollection(clipsOf({ hello: 12, thanks: 12 }), async ({ clips, out, folder }) => {
      await split({ clips, out });
      await split({ clips, out: path.join(folder, 'again') });
      await split({ clips, out: path.join(folder, 'other'), seed: 7 });
      expect(snapshot(path.join(folder, 'again'))).toEqual(snapshot(out));
      expect(await partsOf(path.join(folder, 'other'))).not.toEqual(await partsOf(out));
    });
  });

  it('keeps what a group has in one part, and refuses groups that cannot be told or divided', async () => {
    await withCollection(clipsOf({ hello: 20, thanks: 20 }), async ({ clips, out, folder }) => {
      await split({ clips, out, group: 'signer' });
      const signers = (await readCollection(out)).clips.map(({ split: part, cell }) => `${part} ${cell('signer')}`);
      expect(new Set(signers).size).toBe(5);
      const validating = new Set(signers.filter((signer) => signer.startsWith('validation')));
      expect(validating.size).toBe(1);
      await expect(split({ clips, out: path.join(folder, 'x'), group: 'singer' })).rejects.toThrow(/no such column; did you mean signer\?/);
      const labels = path.join(clips, 'labels.csv');
      writeFileSync(labels, readFileSync(labels, 'utf8').replaceAll('signer 3', ''));
      await expect(split({ clips, out: path.join(folder, 'x'), group: 'signer' })).rejects.toThrow(/8 problems.*cannot be told which/s);
      writeFileSync(
        labels,
        readFileSync(labels, 'utf8')
          .replaceAll(/signer \d|,$/gm, ',all')
          .replaceAll(',,', ','),
      );
      await expect(split({ clips, out: path.join(folder, 'x'), group: 'signer' })).rejects.toThrow(/at least 2 are needed/);
    });
  });

  it('follows a column, puts test clips aside, and leaves them there when it is divided anew', async () => {
    const said = ['train', 'train', 'train', 'val', 'test'];
    const clips = clipsOf({ hello: 5, thanks: 5 }).map((clip, index) => ({ ...clip, split: said[index % 5] ?? '' }));
    await withCollection([...clips, { name: 'new', sign: 'new', split: 'dev' }], async ({ clips: folder, out }) => {
      const { lines, result } = await split({ clips: folder, out, by_column: 'split' });
      expect(result.sets).toMatchObject([{ train: 6, validation: 3, test: 2 }]);
      expect(lines).toEqual(['warning: 1 gloss has no training clip, only others: new; no model can learn it']);
      expect((await partsOf(out)).test).toEqual(['hello/4', 'thanks/4']);
      const anew = path.join(folder, '..', 'anew');
      await split({ clips: out, out: anew, train_ratio: 0.5 });
      expect((await partsOf(anew)).test).toEqual(['hello/4', 'thanks/4']);
      await expect(split({ clips: folder, out: anew + '2', by_column: 'split', train_ratio: 0.7 })).rejects.toThrow(
        /--train-ratio: --by-col/,
      );
      await expect(split({ clips: folder, out: anew + '2', by_column: 'signer' })).rejects.toThrow(
        /signer "signer 0": expected train, val/,
      );
    });
  });

  it('makes folds, each whole and linked, of which every clip validates in one', async () => {
    await withCollection(clipsOf({ hello: 7, thanks: 6, rare: 2 }), async ({ clips, out }) => {
      const { result, lines } = await split({ clips, out, folds: 3 });
      expect(result.sets.map(({ train, validation }) => [train, validation])).toEqual([
        [10, 5],
        [10, 5],
        [10, 5],
      ]);
      expect(lines).toEqual(['warning: 1 gloss has fewer than 3 clips: in some folds none of them validates (rare)']);
      const folds = await Promise.all(result.sets.map(({ folder }) => partsOf(folder)));
      expect(folds.flatMap(({ validation }) => validation).sort()).toEqual(
        clipsOf({ hello: 7, rare: 2, thanks: 6 }).map(({ name }) => name),
      );
      const file = result.sets.flatMap(({ folder }) =>
        ['train', 'val'].map((part) => path.join(folder, `keypoints_${part}`, 'hello/0.npz')),
      );
      const places = file.filter((place) => existsSync(place)).map((place) => statSync(place));
      expect(places.map(({ ino, nlink }) => [ino, nlink])).toEqual(new Array(3).fill([places[0]?.ino, 3]));
      await expect(split({ clips, out: `${out}2`, folds: 3, how: 'move' })).rejects.toThrow(/--folds: every fold has all clips/);
    });
  });

  it('takes some glosses or categories, by name or id, and counts ids anew', async () => {
    await withCollection(clipsOf({ bye: 4, hello: 4, thanks: 4, yes: 4 }), async ({ clips, out, folder }) => {
      const { lines, result } = await split({ clips, out, glosses: ['HELLO,3'] });
      expect(result).toMatchObject({ glosses: 2, categories: 2 });
      expect(lines).toEqual([
        'note: ids are counted anew: hello is 0 (was 1), yes is 1 (was 3); labels_reference.csv of the set has them all',
      ]);
      expect(readFileSync(path.join(out, 'labels_reference.csv'), 'utf8')).toBe(
        'gloss_id,label,cat_id,category\n0,hello,0,early\n1,yes,1,late\n',
      );
      const late = path.join(folder, 'late');
      await split({ clips, out: late, categories: 'late' });
      const { clips: kept, names } = await readCollection(late);
      expect(names).toEqual({ gloss: ['thanks', 'yes'], category: ['late'] });
      expect(kept.every(({ label }) => label.category === 0 && label.name.startsWith(names.gloss[label.gloss] ?? '-'))).toBe(true);
      await expect(split({ clips, out: `${out}2`, glosses: 'helo' })).rejects.toThrow('--glosses helo: no such gloss; did you mean hello?');
      await expect(split({ clips, out: `${out}2`, glosses: 'bye', categories: 'late' })).rejects.toThrow(/no clip is of the glosses/);
    });
  });

  it('names clips of the same values in both parts, whatever else their files hold', async () => {
    const clips = Array.from({ length: 4 }, (_, index) => ({ name: `c${index}`, sign: 'hello', seed: 1 }));
    await withCollection(clips, async ({ clips: folder, out }) => {
      const meta: NpyArray = { dtype: 'text', shape: [], values: ['{"filmed": "again"}'] };
      for (const { name } of clips.slice(1))
        writeFileSync(path.join(folder, 'keypoints', `${name}.npz`), formatNpz(clipArrays(3, 1, { meta }), { compress: false }));
      const { lines } = await split({ clips: folder, out });
      expect(lines).toEqual([
        expect.stringMatching(/^warning: \d clips? (has|have) exactly the values of a clip of another part \(the first: "c/),
      ]);
    });
    await withCollection(
      clips.map((clip, index) => ({ ...clip, seed: index })),
      async ({ clips: folder, out }) => {
        expect((await split({ clips: folder, out })).lines).toEqual([]);
      },
    );
  });

  it('leaves no half of a set where it is stopped, and refuses a place that is taken, nested or of another split', async () => {
    await withCollection(clipsOf({ hello: 24 }), async ({ clips, out, folder }) => {
      const controller = new AbortController();
      const onEvent = (event: { kind: string }): void => {
        if (event.kind === 'clips-placed') controller.abort();
      };
      await expect(splitSet({ clips, out }, { signal: controller.signal, onEvent })).rejects.toThrow(/abort/);
      expect(readdirSync(folder)).toEqual(['clips']);
      mkdirSync(path.join(folder, '.set.0123abcd.tmp'));
      await split({ clips, out });
      expect(readdirSync(folder).sort()).toEqual(['clips', 'set']);
      await expect(split({ clips, out })).rejects.toThrow(/this very split is there already/);
      await expect(split({ clips, out, seed: 3 })).rejects.toThrow(/something is there already; choose another --out/);
      await expect(split({ clips, out: path.join(clips, 'set') })).rejects.toThrow(/choose a folder beside/);
      await expect(split({ clips, out: clips })).rejects.toThrow(/choose a folder beside/);
      await expect(split({ clips: path.join(folder, 'none'), out: `${out}2` })).rejects.toThrow(/none: no such folder/);
    });
  });
});

describe('splitSet that moves', () => {
  it('takes the clips and their lines out of the collection, which keeps the rest', async () => {
    await withCollection(clipsOf({ bye: 3, hello: 4 }), async ({ clips, out, folder }) => {
      const before = snapshot(clips);
      // A clip that is a link gives its content, wherever its way leads from.
      renameSync(path.join(clips, 'keypoints/hello/0.npz'), path.join(folder, 'elsewhere.npz'));
      symlinkSync('../../../elsewhere.npz', path.join(clips, 'keypoints/hello/0.npz'));
      await split({ clips, out, glosses: 'hello', how: 'move' });
      expect((await readCollection(clips)).clips.map(({ label }) => label.name)).toEqual(['bye/0', 'bye/1', 'bye/2']);
      expect(Object.values(snapshot(out))).toEqual(
        expect.arrayContaining([before['keypoints/hello/0.npz'], before['keypoints/hello/3.npz']]),
      );
      await split({ clips, out: path.join(folder, 'rest'), how: 'move' });
      expect(Object.keys(snapshot(clips))).toEqual(['labels_reference.csv']);
    });
  });

  it.each([1, 12])('loses nothing where it is killed with %i of 12 clips moved, and is finished by the same command', async (moved) => {
    await withCollection(clipsOf({ hello: 7, thanks: 5 }), async ({ clips, out, folder }) => {
      const before = Object.values(snapshot(path.join(clips, 'keypoints'))).sort();
      await split({ clips, out: path.join(folder, 'wanted') });
      const script = path.join(checkout, 'test/support/killed-split.ts');
      const loader = path.join(checkout, 'node_modules/tsx/dist/loader.mjs');
      const { signal } = spawnSync(process.execPath, ['--conditions=kumpas-source', '--import', loader, script, clips, out, String(moved)]);
      expect(signal).toBe('SIGKILL');
      const halves = [...Object.values(snapshot(path.join(clips, 'keypoints'))), ...Object.values(snapshot(path.join(out)))];
      expect(halves).toEqual(expect.arrayContaining(before));
      expect(existsSync(path.join(out, 'train_labels.csv'))).toBe(false);
      await expect(split({ clips, out, how: 'move', seed: 1 })).rejects.toThrow(/not finished there.*--seed 1 in place of 42/);
      const { lines } = await split({ clips, out, how: 'move' });
      expect(lines).toEqual([`note: ${out}: the split that was ended goes on`]);
      expect(await partsOf(out)).toEqual(await partsOf(path.join(folder, 'wanted')));
      expect(existsSync(path.join(out, 'split.unfinished.json'))).toBe(false);
      expect(existsSync(path.join(clips, 'keypoints'))).toBe(false);
    });
  });

  it('names clips that are at neither place, and follows no journal out of its folders', async () => {
    await withCollection(clipsOf({ hello: 4 }), async ({ clips, out }) => {
      const controller = new AbortController();
      const onEvent = (): void => {
        if (existsSync(path.join(out, 'split.unfinished.json'))) controller.abort();
      };
      await expect(splitSet({ clips, out, how: 'move' }, { signal: controller.signal, onEvent })).rejects.toThrow();
      const journal = path.join(out, 'split.unfinished.json');
      const text = readFileSync(journal, 'utf8');
      writeFileSync(journal, text.replace('"from":"keypoints/hello/3.npz"', '"from":"../outside.npz"'));
      await expect(split({ clips, out, how: 'move' })).rejects.toThrow(/leads out of its folder/);
      writeFileSync(journal, text);
      rmSync(path.join(clips, 'keypoints/hello/3.npz'), { force: true });
      await expect(split({ clips, out, how: 'move' })).rejects.toThrow(/1 problem.*hello\/3\.npz: neither there nor at/s);
    });
  });
});
