import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { HOLISTIC_78 } from '../../../src/config/known-layouts';
import { importLandmarks, type ImportedLandmarks, type ImportLandmarksOptions } from '../../../src/data/import/import-landmarks';
import { formatNpz } from '../../../src/data/npz';
import { inTemporaryFolder } from '../../support/clip-files';
import { sharedCommands } from '../../support/commands';
import {
  ALL_PARTS,
  expectedValues,
  frameNumbers,
  landmarkFixtures,
  leftHandLeaves,
  placeOf,
  readWritten,
  writeNpy,
  writeText,
  type IsFound,
} from '../../support/landmark-files';

const FRAMES = 3;
const onlyParts =
  (...parts: string[]): IsFound =>
  (part, frame, landmark) =>
    parts.includes(part) && leftHandLeaves(part, frame, landmark);

/** Imports a folder of one clip, `hello/0`, without filling gaps, and gives what was written of it. */
async function imported(
  write: (folder: string) => void,
  options: Partial<ImportLandmarksOptions> = {},
): Promise<{ result: ImportedLandmarks; clip: Awaited<ReturnType<typeof readWritten>> }> {
  return inTemporaryFolder(async (folder) => {
    const [landmarks, out] = [path.join(folder, 'landmarks'), path.join(folder, 'clips')];
    write(landmarks);
    const result = await importLandmarks({ landmarks, out, fill_gaps: 0, ...options });
    return { result, clip: await readWritten(path.join(out, 'keypoints/hello/0.npz')) };
  });
}

/** Copies a fixture, or its first bytes. */
function copyFixture(name: string, file: string, length?: number): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, readFileSync(path.join(landmarkFixtures, name)).subarray(0, length));
}

function readText(file: string): string {
  return readFileSync(file, 'utf8');
}

/** The parts and landmarks of a clip. */
const HOLISTIC_ROWS = HOLISTIC_78.points.map((point): [string, number] => [point.replace(/_\d+$/, ''), Number(/\d+$/.exec(point)?.[0])]);

function expectValues(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  expect(Math.max(...found.map((value, place) => Math.abs(value - (expected[place] ?? NaN))))).toBeLessThan(1e-6);
}

const frames = (numbers: (frame: number) => number[], count = FRAMES): number[] =>
  Array.from({ length: count }, (_, frame) => numbers(frame)).flat();

describe('an .npy a frame, as MP_Data has them,', () => {
  it.each<[number, Parameters<typeof frameNumbers>[0], number]>([
    [1662, ALL_PARTS, 4],
    [258, ['pose', 'left_hand', 'right_hand'], 4],
    [225, ['pose', 'left_hand', 'right_hand'], 3],
    [126, ['left_hand', 'right_hand'], 3],
  ])('becomes a clip: %i numbers a frame', async (width, parts, numbers) => {
    const { result, clip } = await imported((folder) => {
      // By their names 10 comes before 2.
      [1, 2, 10].forEach((number, frame) => {
        writeNpy(path.join(folder, `hello/0/${number}.npy`), [width], frameNumbers(parts, frame, numbers));
      });
    });
    expectValues(clip.values, expectedValues(FRAMES, onlyParts(...parts)));
    expect(result.format).toBe('holistic');
    expect(result.notes).toContainEqual(expect.stringContaining('frames 3 to 9 are missing in the numbering'));
    const absent = parts.includes('face') ? [] : [expect.stringMatching(/^missing: .*face \(11 points\)/)];
    expect(result.notes.filter((note) => note.startsWith('missing'))).toEqual(absent);
    expect(clip.moments).toEqual([0, 33, 67]);
    expect(clip.meta).toMatchObject({
      dims_per_frame: 156,
      keypoints_total: 78,
      order: 'pose25,left_hand21,right_hand21,face11',
      gloss: 'hello',
    });
  });
});

describe('an array a clip', () => {
  const contest = ['face', 'left_hand', 'pose', 'right_hand'] as const;
  it.each<[string, number[], number[], string[]]>([
    [
      '75 points',
      [FRAMES, 75, 3],
      frames((frame) => frameNumbers(['pose', 'left_hand', 'right_hand'], frame, 3)),
      ['pose', 'left_hand', 'right_hand'],
    ],
    [
      '42 points of two numbers',
      [FRAMES, 42, 2],
      frames((frame) => frameNumbers(['left_hand', 'right_hand'], frame, 2)),
      ['left_hand', 'right_hand'],
    ],
    ['one hand, taken for the right one', [FRAMES, 63], frames((frame) => frameNumbers(['right_hand'], frame, 3)), ['right_hand']],
    ['543 points, the pose first', [FRAMES, 543, 3], frames((frame) => frameNumbers(ALL_PARTS, frame, 3)), [...ALL_PARTS]],
    ['543 points as in the Kaggle contest', [FRAMES, 1086], frames((frame) => frameNumbers(contest, frame, 2)), [...ALL_PARTS]],
  ])('is understood by its shape: %s', async (_, shape, values, parts) => {
    // Points of the pose are spread over the body, those of the face lie together: that tells the order of 543.
    const { clip } = await imported((folder) => {
      writeNpy(path.join(folder, 'hello/0.npy'), shape, values);
    });
    expectValues(clip.values, expectedValues(FRAMES, onlyParts(...parts)));
  });

  it('may have its parts in an order of their own, which --order says', async () => {
    const { clip } = await imported(
      (folder) => {
        writeNpy(
          path.join(folder, 'hello/0.npy'),
          [FRAMES, 225],
          frames((frame) => frameNumbers(['right_hand', 'left_hand', 'pose'], frame, 3)),
        );
      },
      { order: 'rh,lh,pose' },
    );
    expectValues(clip.values, expectedValues(FRAMES, onlyParts('pose', 'left_hand', 'right_hand')));
  });

  it('may be an .npz with the parts by their names', async () => {
    const { clip } = await imported((folder) => {
      mkdirSync(path.join(folder, 'hello'), { recursive: true });
      const values = Float32Array.from(frames((frame) => frameNumbers(['left_hand'], frame, 3)));
      const hand = formatNpz({ leftHand: { dtype: 'float32', shape: [FRAMES, 21, 3], values } });
      writeFileSync(path.join(folder, 'hello/0.npz'), hand);
    });
    expectValues(clip.values, expectedValues(FRAMES, onlyParts('left_hand')));
  });

  it.each([
    ['a dict of parts', 'parts.npy', (part: string) => part !== 'face'],
    ['frames that are dicts', 'frames.npy', onlyParts('pose', 'left_hand', 'right_hand')],
  ])('may be Python objects that NumPy pickled: %s', async (_, fixture, isFound) => {
    const { clip } = await imported((folder) => {
      copyFixture(fixture, path.join(folder, 'hello/0.npy'));
    });
    expectValues(clip.values, expectedValues(2, isFound));
  });

  it('with objects that are no landmarks is refused, and nothing of it is run', async () => {
    await inTemporaryFolder(async (folder) => {
      copyFixture('hostile.npy', path.join(folder, 'a/hello/0.npy'));
      const { problems } = await importLandmarks({ landmarks: path.join(folder, 'a'), out: path.join(folder, 'clips') });
      expect(problems).toEqual([
        expect.objectContaining({ problem: expect.stringMatching(/holds objects of posix\.system, which are not read/) }),
      ]);
    });
  });
});

describe('Python objects that stand for more than they take', () => {
  it('are refused before they fill the memory', async () => {
    // Lists of ten times the list before: ten to the twelfth in all.
    const lists = Array.from({ length: 12 }, (_, level) => [
      0x5d,
      0x71,
      level,
      0x28,
      ...new Array<number[]>(10).fill(level === 0 ? [0x4e] : [0x68, level - 1]).flat(),
      0x65,
    ]);
    const header = Buffer.from("\x93NUMPY\x01\0\x34\0{'descr': '|O', 'fortran_order': False, 'shape': (), }".padEnd(62) + '\n', 'latin1');
    header.writeUInt16LE(header.length - 10, 8);
    await inTemporaryFolder(async (folder) => {
      mkdirSync(path.join(folder, 'a/hello'), { recursive: true });
      writeFileSync(path.join(folder, 'a/hello/0.npy'), Buffer.concat([header, Buffer.from([0x80, 2, ...lists.flat(), 0x2e])]));
      const { problems } = await importLandmarks({ landmarks: path.join(folder, 'a'), out: path.join(folder, 'clips') });
      expect(problems).toEqual([expect.objectContaining({ problem: 'its Python objects are more than 2000000' })]);
    });
  });
});

describe('a .pose file', () => {
  it.each(['0.0', '0.1', '0.2'])('of version %s becomes a clip, its pixels shares of the picture', async (version) => {
    const { result, clip } = await imported((folder) => {
      copyFixture(`v${version}.pose`, path.join(folder, 'hello/0.pose'));
    });
    const elbowsHide: IsFound = (part, frame, landmark) =>
      leftHandLeaves(part, frame, landmark) && !(part === 'pose' && frame === 0 && [13, 14].includes(landmark));
    expectValues(clip.values, expectedValues(2, elbowsHide));
    expect(clip.moments).toEqual([0, 40]);
    expect(result.notes).toContainEqual('hello/0: left out: POSE_WORLD_LANDMARKS');
  });

  it.each([0, 3, 200, 4000])('that is cut off after %i bytes is told so', async (length) => {
    await inTemporaryFolder(async (folder) => {
      copyFixture('v0.2.pose', path.join(folder, 'a/hello/0.pose'), length);
      const { problems } = await importLandmarks({ landmarks: path.join(folder, 'a'), out: path.join(folder, 'clips') });
      expect(problems).toEqual([expect.objectContaining({ problem: expect.stringMatching(/cut off/) })]);
    });
  });
});

describe('a table a clip', () => {
  const rows = (separator: string): string =>
    [
      ['frame', 'type', 'landmark_index', 'x', 'y', 'z'],
      ...[0, 1, 2].flatMap((frame) =>
        HOLISTIC_ROWS.map(([part, landmark]) => {
          const numbers = leftHandLeaves(part, frame, landmark) ? placeOf(part, landmark, frame) : ['', 'NaN', ''];
          return [frame, part, landmark, ...numbers];
        }),
      ),
    ]
      .map((cells) => cells.join(separator))
      .join('\n');

  it.each([',', ';', '\t'])('of a row a frame and landmark becomes a clip, its cells parted by %j', async (separator) => {
    const { result, clip } = await imported((folder) => {
      writeText(path.join(folder, 'hello/0.csv'), rows(separator));
    });
    expectValues(clip.values, expectedValues(FRAMES));
    expect(result.format).toBe('csv');
  });

  it.each(['x_pose_0', 'pose_0_x', 'pose_x_0'])('of a row a frame becomes a clip, its columns as %s', async (pattern) => {
    const nameOf = (part: string, landmark: number, axis: string): string =>
      pattern
        .replace('pose', part)
        .replace('x', axis === 'x' ? 'x' : axis)
        .replace('0', String(landmark));
    const { clip } = await imported((folder) => {
      const names = HOLISTIC_ROWS.flatMap(([part, landmark]) => ['x', 'y'].map((axis) => nameOf(part, landmark, axis)));
      const lines = [0, 1, 2].map((frame): (string | number)[] =>
        HOLISTIC_ROWS.flatMap(([part, landmark]) =>
          leftHandLeaves(part, frame, landmark) ? placeOf(part, landmark, frame).slice(0, 2).map(String) : ['', ''],
        ),
      );
      writeText(path.join(folder, 'hello/0.csv'), [names, ...lines].map((cells) => cells.join(',')).join('\r\n'));
    });
    expectValues(clip.values, expectedValues(FRAMES));
  });

  const { kumpas } = sharedCommands();
  it('may be parquet, as in the Kaggle contest, whose train.csv tells signs and signers', async () => {
    await inTemporaryFolder(async (folder) => {
      const [landmarks, out] = [path.join(folder, 'asl'), path.join(folder, 'clips')];
      copyFixture('snappy.parquet', path.join(landmarks, 'train_landmark_files/26734/100.parquet'));
      copyFixture('zstd.parquet', path.join(landmarks, 'train_landmark_files/28656/200.parquet'));
      copyFixture('zstd.parquet', path.join(landmarks, 'train_landmark_files/28656/300.parquet'), 1000);
      const table = ['path,participant_id,sequence_id,sign', '26734/100.parquet,26734,100,blow', '28656/200.parquet,28656,200,wait'];
      writeText(
        path.join(landmarks, 'train.csv'),
        [...table, '28656/300.parquet,28656,300,wait'].join('\n').replaceAll(/^2/gm, 'train_landmark_files/2'),
      );
      const { code, output, errors } = await kumpas('data', 'import', landmarks, '--out', out, '--fill-gaps', '0', '--json');
      expect(code).toBe(1);
      expect(errors).toContain('300: it is no readable parquet file');
      expect(JSON.parse(output)).toMatchObject({
        format: 'parquet',
        imported: 2,
        signs: 2,
        signsFrom: 'train.csv, its columns path and sign',
      });
      for (const name of ['26734/100', '28656/200'])
        expectValues((await readWritten(path.join(out, `keypoints/train_landmark_files/${name}.npz`))).values, expectedValues(2));
      const labels = 'file,gloss,cat,signer\ntrain_landmark_files/26734/100,0,0,26734\ntrain_landmark_files/28656/200,1,0,28656\n';
      expect(readText(path.join(out, 'labels.csv'))).toBe(labels);
    });
  });
});

describe('JSON', () => {
  const points = (part: string, count: number, frame: number): object[] =>
    Array.from({ length: count }, (_, landmark) => {
      const [x, y, z] = placeOf(part, landmark, frame);
      return { x, y, z, ...(part === 'pose' ? { visibility: landmark === 16 ? 0.1 : 0.99 } : {}) };
    });

  it('of MediaPipe Holistic in JavaScript, a list of frames, becomes a clip', async () => {
    const document = [0, 1, 2].map((frame) => ({
      poseLandmarks: points('pose', 33, frame),
      faceLandmarks: points('face', 478, frame),
      ...(frame === 1 ? {} : { leftHandLandmarks: points('left_hand', 21, frame) }),
      rightHandLandmarks: points('right_hand', 21, frame),
    }));
    const { clip } = await imported((folder) => {
      writeText(path.join(folder, 'hello/0.json'), JSON.stringify(document));
    });
    expectValues(
      clip.values,
      expectedValues(FRAMES, (part, frame, landmark) => leftHandLeaves(part, frame, landmark) && !(part === 'pose' && landmark === 16)),
    );
  });

  it('of tasks-vision tells hands apart by their handedness', async () => {
    const hand = (categoryName: string): object => [{ categoryName, score: 0.9 }];
    const both = (frame: number): object => ({
      landmarks: [points('right_hand', 21, frame), points('left_hand', 21, frame)],
      handedness: [hand('Right'), hand('Left')],
    });
    const document = { fps: 25, frames: [both(0), { landmarks: [points('right_hand', 21, 1)], handedness: [hand('Right')] }, both(2)] };
    const { clip } = await imported((folder) => {
      writeText(path.join(folder, 'hello/0.json'), JSON.stringify(document));
    });
    expectValues(clip.values, expectedValues(FRAMES, onlyParts('left_hand', 'right_hand')));
    expect(clip.moments).toEqual([0, 40, 80]);
  });

  it("of OpenPose, a file a frame, becomes a clip of the surest person's points that MediaPipe has too", async () => {
    const BODY = [0, -1, 12, 14, 16, 11, 13, 15, -1, 24, 26, 28, 23, 25, 27, 5, 2, 8, 7, 31, -1, 29, 32, -1, 30];
    const set = (part: string, landmarks: readonly number[], frame: number): number[] =>
      landmarks.flatMap((landmark) => {
        const [x, y] = placeOf(part, landmark, frame);
        return landmark < 0 ? [9, 9, 0.9] : [x * 1280, y * 720, 0.9];
      });
    const hand = Array.from({ length: 21 }, (_, landmark) => landmark);
    const { result, clip } = await imported(
      (folder) => {
        for (const frame of [0, 1, 2]) {
          const person = {
            pose_keypoints_2d: set('pose', BODY, frame),
            hand_left_keypoints_2d: [],
            hand_right_keypoints_2d: set('right_hand', hand, frame),
          };
          const passerBy = { pose_keypoints_2d: BODY.flatMap(() => [1, 1, 0.1]) };
          writeText(path.join(folder, `hello/0/film_00000000000${frame}_keypoints.json`), JSON.stringify({ people: [passerBy, person] }));
        }
      },
      { size: '1280x720' },
    );
    expectValues(
      clip.values,
      expectedValues(FRAMES, (part, _, landmark) => part === 'right_hand' || (part === 'pose' && BODY.includes(landmark))),
    );
    expect(result.notes).toContainEqual('hello/0: 3 frames with several people; the one that OpenPose is surest of is taken');
  });
});
