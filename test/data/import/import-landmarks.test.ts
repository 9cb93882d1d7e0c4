import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { importLandmarks, type ImportLandmarksOptions } from '../../../src/data/import/import-landmarks';
import { locateData } from '../../../src/data/locate-data';
import { KEYPOINT_FOLDERS } from '../../../src/config/data-settings';
import { inTemporaryFolder } from '../../support/clip-files';
import { kumpasProgram, sharedCommands } from '../../support/commands';
import { expectedValues, frameNumbers, leftHandLeaves, readWritten, writeMpData, writeNpy, writeText } from '../../support/landmark-files';

const HANDS = ['left_hand', 'right_hand'] as const;

/** Writes an array a clip, of hands that are all there. */
function writeHands(file: string, frames = 2, change: (values: number[]) => void = () => undefined): void {
  const values = Array.from({ length: frames }, (_, frame) => frameNumbers(HANDS, frame, 3, () => true)).flat();
  change(values);
  writeNpy(file, [frames, 126], values);
}

async function inFolders(test: (landmarks: string, out: string, folder: string) => Promise<void>): Promise<void> {
  await inTemporaryFolder((folder) => test(path.join(folder, 'landmarks'), path.join(folder, 'clips'), folder));
}

const tableOf = (out: string, name = 'labels.csv'): string[] => readFileSync(path.join(out, name), 'utf8').trim().split('\n');

describe('the sign of a clip', () => {
  it.each<[string, string[], Record<string, string>, string[]]>([
    ['the folder that it lies in', ['hello/1.npy', 'bye/1.npy'], {}, ['file,gloss,cat', 'bye/1,0,0', 'hello/1,1,0']],
    [
      'its name without the number, where all lie in one',
      ['hello_01.npy', 'hello_02.npy', 'bye (3).npy'],
      {},
      ['file,gloss,cat', 'bye (3),0,0', 'hello_01,1,0', 'hello_02,1,0'],
    ],
    [
      'its folder below train and val, which are the split',
      ['train/hello/1.npy', 'valid/hello/2.npy'],
      {},
      ['file,gloss,cat,split', 'train/hello/1,0,0,train', 'valid/hello/2,0,0,val'],
    ],
    [
      'what a table beside it says, by path or by name, with signers and splits',
      ['all/a.npy', 'all/b.npy', 'all/c.npy'],
      { 'labels.csv': 'Video;Gloss;Signer;Split\nsomewhere/all/a.mp4;hello;Ann;training\nb;bye;Bob;dev\nd;bye;Bob;dev\n' },
      ['file,gloss,cat,signer,split', 'all/a,1,0,Ann,train', 'all/b,0,0,Bob,val'],
    ],
  ])('is %s', async (_, clips, tables, expected) => {
    await inFolders(async (landmarks, out) => {
      for (const clip of clips) writeHands(path.join(landmarks, clip));
      for (const [name, text] of Object.entries(tables)) writeText(path.join(landmarks, name), text);
      const { notes } = await importLandmarks({ landmarks, out });
      expect(tableOf(out)).toEqual(expected);
      if (Object.keys(tables).length > 0) {
        expect(notes).toContainEqual('1 clip left out, of which no sign is known by labels.csv, its columns video and gloss');
        expect(notes).toContainEqual('1 row of labels.csv, its columns video and gloss without a clip that is there, or without a sign');
      }
    });
  });

  it('has a category where a table says them, and every sign must have one', async () => {
    await inFolders(async (landmarks, out, folder) => {
      for (const clip of ['hello/1.npy', 'bye/1.npy']) writeHands(path.join(landmarks, clip));
      const categories = path.join(folder, 'categories.csv');
      writeText(categories, 'sign,category\nhello,greeting\n');
      await expect(importLandmarks({ landmarks, out, categories })).rejects.toThrow(
        /categories\.csv: it says no category of "bye"; add a line for each/,
      );
      writeText(categories, 'sign,category\nhello,greeting\nbye,farewell\n');
      await importLandmarks({ landmarks, out, categories });
      expect(tableOf(out, 'labels_reference.csv')).toEqual(['gloss_id,label,cat_id,category', '0,bye,0,farewell', '1,hello,1,greeting']);
    });
  });
});

describe('a landmark', () => {
  const imported = async (
    change: (values: number[]) => void,
    options: Partial<ImportLandmarksOptions> = {},
    frames = 9,
  ): Promise<{ values: number[]; mask: number[]; notes: readonly string[] }> => {
    let result: { values: number[]; mask: number[]; notes: readonly string[] } | undefined;
    await inFolders(async (landmarks, out) => {
      writeHands(path.join(landmarks, 'hello/1.npy'), frames, change);
      const { notes, problems } = await importLandmarks({ landmarks, out, ...options });
      expect(problems).toEqual([]);
      const { values, mask } = await readWritten(path.join(out, 'keypoints/hello/1.npz'));
      result = { values, mask, notes };
    });
    if (result === undefined) throw new Error('nothing was imported');
    return result;
  };
  /** x of the wrist of the left hand, over frames. */
  const wrist = (values: readonly number[]): number[] => values.filter((_, place) => place % 156 === 50);
  const without =
    (...frames: number[]) =>
    (values: number[]): void => {
      for (const frame of frames) values.fill(0, frame * 126, frame * 126 + 63);
    };

  it('that is missing for up to five frames is filled on a straight line, and not at a beginning or end', async () => {
    const { values, mask, notes } = await imported(without(0, 2, 3, 4, 5, 6, 8));
    expect(wrist(values).map((x) => Number(x.toFixed(4)))).toEqual([0, 0.31, 0.32, 0.33, 0.34, 0.35, 0.36, 0.37, 0]);
    expect(mask.filter((_, place) => place % 78 === 25)).toEqual([0, 1, 1, 1, 1, 1, 1, 1, 0]);
    expect(notes).toContainEqual(expect.stringMatching(/^105 missing points in short gaps filled/));
  });

  it('that is missing for longer, or where nothing is to be filled, stays missing', async () => {
    const six = await imported(without(1, 2, 3, 4, 5, 6));
    expect(wrist(six.values).filter((x) => x === 0)).toHaveLength(6);
    const none = await imported(without(1), { fill_gaps: 0 });
    expect(wrist(none.values).map((x) => x === 0)).toEqual([false, true, ...new Array<boolean>(7).fill(false)]);
  });

  it('outside the picture is moved to its edge, and counted', async () => {
    const { values, notes } = await imported((numbers) => {
      numbers[0] = -0.2;
    });
    expect(wrist(values)[0]).toBe(0);
    expect(notes).toContainEqual('1 coordinate (0.1 %) lay outside the picture and were moved to its edge');
  });

  it('in pixels becomes a share of the picture, whose size must be said', async () => {
    const pixels = (values: number[]): void => {
      values.forEach((value, place) => {
        values[place] = value * (place % 3 === 0 ? 640 : 480);
      });
    };
    const { values } = await imported(pixels, { size: '640x480' }, 2);
    const expected = expectedValues(2, (part) => part !== 'pose' && part !== 'face');
    expect(Math.max(...values.map((value, place) => Math.abs(value - (expected[place] ?? NaN))))).toBeLessThan(1e-6);
    await inFolders(async (landmarks, out) => {
      writeHands(path.join(landmarks, 'hello/1.npy'), 2, pixels);
      const { problems } = await importLandmarks({ landmarks, out });
      expect(problems[0]?.problem).toMatch(/its landmarks are pixels, up to \d+ × \d+: say the picture's size with --size WIDTHxHEIGHT/);
      await expect(importLandmarks({ landmarks, out, size: '640' })).rejects.toThrow(
        /--size: expected width and height in pixels, as 1280x720, found "640"/,
      );
    });
  });
});

describe('importLandmarks', () => {
  it('leaves out what cannot be read, says why, and goes on', async () => {
    await inFolders(async (landmarks, out) => {
      writeMpData(landmarks, ['hello'], 3, 2);
      writeFileSync(path.join(landmarks, 'hello/1/0.npy'), 'broken');
      writeNpy(path.join(landmarks, 'hello/2/0.npy'), [258], frameNumbers(['pose', 'left_hand', 'right_hand'], 0, 4));
      const { imported, problems } = await importLandmarks({ landmarks, out });
      expect(imported).toBe(1);
      expect(problems).toEqual([
        { file: path.join(landmarks, 'hello/1'), problem: expect.stringMatching(/^0\.npy: not a \.npy array/) },
        { file: path.join(landmarks, 'hello/2'), problem: 'its frames differ: 0.npy is [258], 1.npy is [1662]' },
      ]);
      expect(tableOf(out)).toEqual(['file,gloss,cat', 'hello/0,0,0']);
    });
  });

  it.each<[string, (landmarks: string) => void, Partial<ImportLandmarksOptions>, RegExp]>([
    [
      'frames of a width that is unknown',
      (folder) => {
        writeNpy(path.join(folder, 'a/1.npy'), [4, 100], new Array<number>(400).fill(0.5));
      },
      {},
      /frames of 100 numbers, which are none of the layouts that are known \(1662, /,
    ],
    [
      'nothing that is known',
      (folder) => {
        writeText(path.join(folder, 'a/film.mp4'), '');
      },
      {},
      /no landmarks that are known; expected one of these: .*\(holistic\).*Found: 1 \.mp4 in a\//,
    ],
    [
      'another format than was asked for',
      (folder) => {
        writeHands(path.join(folder, 'a/1.npy'));
      },
      { from: 'pose' },
      /--from pose: expected a \.pose file a clip.* It looks like --from npy\. Found: 1 \.npy/,
    ],
    [
      'a layout that there is not',
      (folder) => {
        writeHands(path.join(folder, 'a/1.npy'));
      },
      { layout: 'holistic76' },
      /layout: expected one of holistic78, /,
    ],
    [
      'an order of no parts',
      (folder) => {
        writeHands(path.join(folder, 'a/1.npy'));
      },
      { order: 'pose,tail' },
      /--order: "tail" is no part; expected some of pose, face, left_hand, right_hand/,
    ],
    [
      'clips of one name',
      (folder) => {
        writeHands(path.join(folder, 'a/1.npy'));
        writeHands(path.join(folder, 'a/1.npz'));
      },
      {},
      /a\/1\.npy and a\/1\.npz would be one clip, a\/1; keep one/,
    ],
    ['no folder', () => undefined, {}, /no such folder/],
  ])('refuses %s in a line', async (_, write, options, message) => {
    await inFolders(async (landmarks, out) => {
      write(landmarks);
      await expect(importLandmarks({ landmarks, out, ...options })).rejects.toThrow(message);
      expect(existsSync(out)).toBe(false);
    });
  });

  it('leaves clips alone that are there of the same source and settings, and makes anew what changed', async () => {
    await inFolders(async (landmarks, out) => {
      writeMpData(landmarks, ['bye', 'hello'], 2, 2);
      expect(await importLandmarks({ landmarks, out })).toMatchObject({ imported: 4, skipped: 0 });
      const file = path.join(out, 'keypoints/bye/0.npz');
      const before = statSync(file).mtimeMs;
      expect(await importLandmarks({ landmarks, out })).toMatchObject({ imported: 0, skipped: 4 });
      expect(statSync(file).mtimeMs).toBe(before);
      utimesSync(path.join(landmarks, 'hello/1/0.npy'), 1, 1);
      writeFileSync(file, 'damaged');
      expect(await importLandmarks({ landmarks, out })).toMatchObject({ imported: 2, skipped: 2 });
      expect(await importLandmarks({ landmarks, out, fps: 25 })).toMatchObject({ imported: 4 });
      expect((await readWritten(file)).moments).toEqual([0, 40]);
    });
  });

  it('does not mix its clips with those of another collection', async () => {
    await inFolders(async (landmarks, out) => {
      writeHands(path.join(landmarks, 'hello/1.npy'));
      writeText(path.join(out, 'labels.csv'), 'file,gloss,cat\nother,0,0\n');
      await expect(importLandmarks({ landmarks, out })).rejects.toThrow(
        /it is a collection of other clips \(other\); choose another folder/,
      );
    });
  });

  it('follows links, and stops where it is told to', async () => {
    await inFolders(async (landmarks, out, folder) => {
      writeMpData(path.join(folder, 'elsewhere'), ['hello'], 3, 1);
      mkdirSync(landmarks);
      symlinkSync(path.join(folder, 'elsewhere/hello'), path.join(landmarks, 'hello'));
      const stop = new AbortController();
      const work = importLandmarks(
        { landmarks, out },
        {
          signal: stop.signal,
          onEvent: ({ kind }) => {
            if (kind === 'clips-written') stop.abort(new Error('enough'));
          },
        },
      );
      await expect(work).rejects.toThrow('enough');
      expect(readdirSync(path.join(out, 'keypoints/hello'))).toEqual(['0.npz']);
      expect(await importLandmarks({ landmarks, out })).toMatchObject({ imported: 2, skipped: 1 });
    });
  });

  it('has other layouts', async () => {
    await inFolders(async (landmarks, out) => {
      writeMpData(landmarks, ['hello'], 1, 2);
      await importLandmarks({ landmarks, out, layout: 'holistic75x3', fill_gaps: 0 });
      const { values, meta } = await readWritten(path.join(out, 'keypoints/hello/0.npz'));
      expect(values).toHaveLength(2 * 75 * 3);
      expect(meta).toMatchObject({ dims_per_frame: 225, order: 'pose33,left_hand21,right_hand21' });
      expect(values.slice(225 + 99, 225 + 162).every((value) => value === 0)).toBe(!leftHandLeaves('left_hand', 1, 0));
      expect(JSON.parse(readFileSync(path.join(out, 'keypoints.json'), 'utf8'))).toEqual({ layout: 'holistic75x3' });
    });
  });
});

describe('an import that is killed', () => {
  it('leaves whole clips alone, and typed again ends as if it had never been', async () => {
    await inFolders(async (landmarks, out, folder) => {
      writeMpData(landmarks, ['bye', 'hello'], 60, 2);
      const unbroken = path.join(folder, 'unbroken');
      await importLandmarks({ landmarks, out: unbroken });
      const child = spawn(process.execPath, [...kumpasProgram, 'data', 'import', landmarks, '--out', out], { stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      while (clipsIn(out).length < 5 && child.exitCode === null) await wait(2);
      child.kill('SIGKILL');
      await ended;
      expect(child.signalCode).toBe('SIGKILL');
      const left = clipsIn(out);
      expect(left.length).toBeLessThan(120);
      expect(existsSync(path.join(out, 'labels.csv'))).toBe(false);
      for (const clip of left)
        expect(readFileSync(path.join(out, 'keypoints', clip))).toEqual(readFileSync(path.join(unbroken, 'keypoints', clip)));
      writeText(path.join(out, 'keypoints/bye/.59.npz.0123abcd.tmp'), 'half');
      const { skipped, imported } = await importLandmarks({ landmarks, out });
      expect([skipped, imported]).toEqual([left.length, 120 - left.length]);
      expect(filesIn(out)).toEqual(filesIn(unbroken));
      for (const file of filesIn(out)) expect(readFileSync(path.join(out, file))).toEqual(readFileSync(path.join(unbroken, file)));
    });
  });

  const filesIn = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
      .sort();
  const clipsIn = (out: string): string[] => {
    const folder = path.join(out, 'keypoints');
    return existsSync(folder) ? filesIn(folder).filter((name) => /(^|\/)\d+\.npz$/.test(name)) : [];
  };
});

describe('a folder that is no set for training', () => {
  it.each<[string, (folder: string) => void, RegExp]>([
    [
      'landmarks',
      (folder) => {
        writeMpData(folder, ['hello'], 1, 1);
      },
      /These are landmarks \(--from holistic\): npm run data -- import \S+ --out CLIPS$/,
    ],
    [
      'videos',
      (folder) => {
        writeText(path.join(folder, 'hello/1.mp4'), '');
      },
      /They are videos: npm run data -- extract --videos \S+ --out CLIPS$/,
    ],
    [
      'a collection that is not split',
      (folder) => {
        writeHands(path.join(folder, 'keypoints/1.npy'));
        writeText(path.join(folder, 'labels.csv'), 'file,gloss\n');
      },
      /It is a collection of clips that is not split yet: npm run data -- split \S+ --out SET$/,
    ],
    [
      'anything else',
      (folder) => {
        writeText(path.join(folder, 'notes.txt'), 'no');
      },
      /Found: 1 \.txt$/,
    ],
  ])('is told its next command: %s', async (_, write, message) => {
    await inFolders(async (landmarks) => {
      write(landmarks);
      await expect(locateData({ folder: landmarks }, { layout: KEYPOINT_FOLDERS, needTrain: true })).rejects.toThrow(message);
    });
  });
});

describe('three commands', () => {
  const { kumpasIn } = sharedCommands();
  it('lead from MP_Data to a trained model', async () => {
    await inTemporaryFolder(async (folder) => {
      writeMpData(path.join(folder, 'MP_Data'), ['bye', 'hello'], 4, 3);
      const tiny = [
        '--emb-dim',
        '16',
        '--num-heads',
        '2',
        '--num-layers',
        '1',
        '--epochs',
        '1',
        '--batch-size',
        '4',
        '--save-dir',
        'models',
      ];
      expect(await kumpasIn(folder, 'data', 'import', 'MP_Data', '--out', 'clips')).toMatchObject({ code: 0, errors: '' });
      expect(await kumpasIn(folder, 'data', 'split', 'clips', '--out', 'set')).toMatchObject({ code: 0 });
      expect(await kumpasIn(folder, 'train', '--data', 'set', ...tiny)).toMatchObject({ code: 0 });
      expect(readdirSync(path.join(folder, 'models'), { recursive: true }).map(String)).toContainEqual(
        expect.stringMatching(/SignTransformer_best\.pt$/),
      );
    });
  });
});
