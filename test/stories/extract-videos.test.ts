import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { extractVideos } from '../../src';
import { openNpz } from '../../src/data/npz';
import { startRuntime } from '../../src/engine/runtime';
import { tf } from '../../src/engine/tensorflow';
import { PictureFeatures } from '../../src/evaluation/frame-features/picture-features';
import { clipOfVideo } from '../../src/extraction/clip-of-video';
import { Extraction } from '../../src/extraction/extraction';
import { findVideos } from '../../src/extraction/find-videos';
import { LandmarkWorker } from '../../src/extraction/landmark-worker';
import { framesTaken } from '../../src/extraction/resample';
import { required } from '../../src/foundation/required';
import type { PictureEncoder } from '../../src/models/model';
import { inTemporaryFolder } from '../support/clip-files';
import { checkout, kumpasProgram, sharedCommands } from '../support/commands';
import { keypointsByHand, makeVideos, preparedMediaPipe, turnedUpright, withDurations } from '../support/videos';

const mediaPipe = preparedMediaPipe();
const { kumpas } = sharedCommands();

interface ReadClip {
  readonly frames: number;
  readonly X: Float32Array;
  readonly mask: Uint8Array;
  readonly timestamps: readonly number[];
  readonly meta: Readonly<Record<string, unknown>>;
}

async function readClip(file: string): Promise<ReadClip> {
  const npz = await openNpz(file);
  const [X, mask, timestamps, meta] = [
    await npz.read('X'),
    await npz.read('mask'),
    await npz.read('timestamps_ms'),
    await npz.read('meta'),
  ];
  if (X.dtype !== 'float32' || mask.dtype !== 'bool' || timestamps.dtype !== 'int64' || meta.dtype !== 'text')
    throw new Error('another type');
  return {
    frames: required(X.shape[0], 'frames'),
    X: X.values,
    mask: mask.values,
    timestamps: [...timestamps.values].map(Number),
    meta: JSON.parse(required(meta.values[0], 'meta')) as Record<string, unknown>,
  };
}

/** The largest difference between two arrays of one length. */
function difference(one: ArrayLike<number>, other: ArrayLike<number>): number {
  expect(one.length).toBe(other.length);
  return Array.from(one).reduce((most, value, place) => Math.max(most, Math.abs(value - required(other[place], 'a value'))), 0);
}

/** A small encoder in InceptionV3's place: the means of red, green and blue. */
const meansEncoder: PictureEncoder = {
  side: 8,
  width: 3,
  identity: 'means',
  parameters: [{ name: 'weight', shape: [3], trainable: false, initialise: () => new Float32Array(3) }],
  prepare: (weights) => weights,
  encode: ({ weight }, pictures) => tf.mul(tf.mean(pictures, [1, 2]), weight ?? 1),
};

/** Every file in a folder, by its path within it. */
function filesIn(folder: string): Map<string, Buffer> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(path.join(folder, name)).isFile());
  return new Map(names.sort().map((name) => [name, readFileSync(path.join(folder, name))]));
}

(mediaPipe === undefined ? describe.skip : describe)('videos', () => {
  const environment = required(mediaPipe ?? { python: '', folder: '', key: '', tags: [] }, 'MediaPipe');

  it('become clips of the numbers that MediaPipe gives by hand, however they are stored; those that cannot be used are named', () =>
    inTemporaryFolder(async (folder) => {
      const [videos, out] = [path.join(folder, 'videos'), path.join(folder, 'clips')];
      const video = (name: string): string => path.join(videos, name);
      const frames = 20;
      makeVideos(environment, [
        { file: video('HELLO/plain.mp4'), frames, hidden: [7, 8, 9] },
        { file: video('HELLO/lying.mp4'), frames: 4, lying: true },
        { file: video('HELLO/upright.mp4'), frames: 4 },
        { file: video('ÑANDÚ/nobody.mp4'), frames: 4, nobody: true },
        { file: video('ÑANDÚ/cut.avi'), frames: 30 },
      ]);
      writeFileSync(video('HELLO/lying.mp4'), turnedUpright(video('HELLO/lying.mp4')));
      // The first half as it was, then each frame three times as long.
      writeFileSync(
        video('ÑANDÚ/varying.mp4'),
        withDurations(video('HELLO/plain.mp4'), [
          [10, 1],
          [10, 3],
        ]),
      );
      truncateSync(video('ÑANDÚ/cut.avi'), Math.round(0.4 * statSync(video('ÑANDÚ/cut.avi')).size));
      writeFileSync(video('ÑANDÚ/text.mp4'), 'no video');

      const { code, output, errors } = await kumpas('data', 'extract', '--videos', videos, '--out', out, '--jobs', '2');
      expect(code).toBe(1);
      expect(output).toContain('4 clips made, 0 there already, 3 videos left out');
      expect(errors).toMatch(
        /data: 3 problems in 3 files\n.*cut\.avi: it is cut off or damaged: \d+ of its 30 frames can be read; copy it anew\n.*nobody\.mp4: nobody is found in it.*\n.*text\.mp4: it cannot be opened as a video\n/,
      );
      expect(readFileSync(path.join(out, 'labels.csv'), 'utf8')).toBe(
        'file,gloss,cat,occluded\nHELLO/lying,0,0,0\nHELLO/plain,0,0,0\nHELLO/upright,0,0,0\nÑANDÚ/varying,1,0,0\n',
      );

      const plain = await readClip(path.join(out, 'keypoints/HELLO/plain.npz'));
      const byHand = keypointsByHand(environment, video('HELLO/plain.mp4'));
      expect([...plain.mask]).toEqual(byHand.mask.flat());
      expect(plain.mask.slice(8 * 78, 9 * 78).includes(1)).toBe(true); // Hidden, and filled in.
      expect(difference(plain.X, byHand.X.flat())).toBeLessThanOrEqual(1e-6);
      expect(plain.timestamps).toEqual(Array.from({ length: frames }, (_, frame) => Math.round((frame * 1000) / 30)));
      expect(plain.meta).toMatchObject({
        ...{
          file: 'HELLO/plain.mp4',
          gloss: 'HELLO',
          target_fps: 30,
          source_fps: 30,
          source_frames: frames,
          frames,
          width: 320,
          height: 240,
        },
        ...{
          dims_per_frame: 156,
          keypoints_total: 78,
          order: 'pose25,left_hand21,right_hand21,face11',
          occlusion: { share: 0, longest_run: 0 },
        },
        extraction: { settings: { fps: 30, versions: { mediapipe: '0.10.14' }, backbone: null } },
      });

      const [lying, upright] = await Promise.all(
        ['lying', 'upright'].map((name) => readClip(path.join(out, `keypoints/HELLO/${name}.npz`))),
      );
      expect(lying?.meta).toMatchObject({ width: 320, height: 240 });
      expect(difference(required(lying, 'a clip').X, required(upright, 'a clip').X)).toBeLessThan(0.03);

      const varying = await readClip(path.join(out, 'keypoints/ÑANDÚ/varying.npz'));
      const moments = Array.from({ length: frames }, (_, frame) => ((frame < 10 ? frame : 10 + 3 * (frame - 10)) * 1000) / 30);
      const taken = framesTaken(moments, 30);
      expect([varying.frames, taken.length]).toEqual([38, 38]);
      const noseX = (clip: ReadClip, frame: number): number | undefined => clip.X[frame * 156];
      const seen = taken.flatMap((frame, k) => ([6, 7, 8, 9, 10].includes(frame) ? [] : [[noseX(varying, k), noseX(plain, frame)]]));
      expect(seen.map(([found]) => found)).toEqual(seen.map(([, expected]) => expected));
    }));

  describe('of two signs', () => {
    let world: string;
    const videos = (): string => path.join(world, 'videos');
    const signs = ['HELLO', 'BYE'];
    const names = signs.flatMap((sign, place) =>
      [1, 2, 3, 4].map((number) => ({ name: `${sign}/${number}`, zoom: 0.05 * (4 * place + number) })),
    );
    const unbroken = (): string => path.join(world, 'unbroken');

    beforeAll(() => {
      world = mkdtempSync(path.join(tmpdir(), 'kumpas-videos-'));
      makeVideos(
        environment,
        names.map(({ name, zoom }) => ({ file: path.join(videos(), `${name}.mp4`), frames: 8, zoom })),
      );
    });
    afterAll(() => {
      rmSync(world, { recursive: true });
    });

    it('train a model by three commands', async () => {
      const [set, models] = [path.join(world, 'set'), path.join(world, 'models')];
      const extracted = await kumpas('data', 'extract', '--videos', videos(), '--out', unbroken());
      expect({ code: extracted.code, errors: extracted.errors }).toEqual({ code: 0, errors: '' });
      expect((await kumpas('data', 'split', unbroken(), '--out', set, '--train-ratio', '0.75')).code).toBe(0);
      const small = ['--emb-dim', '16', '--num-heads', '2', '--num-layers', '1', '--epochs', '1'];
      const trained = await kumpas('train', '--data', set, '--save-dir', models, ...small);
      expect(trained.code).toBe(0);
      const files = readdirSync(models, { recursive: true, encoding: 'utf8' }).map((file) => path.basename(file));
      expect(files).toContain('SignTransformer_best.pt');
    });

    it('give the same clips where the command was stopped, then killed, and gone on with', async () => {
      const out = path.join(world, 'broken');
      const clips = path.join(out, 'keypoints');
      const countClips = (): number =>
        existsSync(clips)
          ? readdirSync(clips, { recursive: true, encoding: 'utf8' }).filter((name) => /(?:^|\/)\d\.npz$/.test(name)).length
          : 0;
      /** Starts the command, and sends a signal as soon as it has made a clip more. */
      const stoppedBy = async (signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> => {
        const before = countClips();
        const argv = [...kumpasProgram, 'data', 'extract', '--videos', videos(), '--out', out, '--jobs', '1'];
        const child = spawn(process.execPath, argv, { cwd: checkout, stdio: 'ignore' });
        const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
        while (countClips() === before && child.exitCode === null) await wait(20);
        child.kill(signal);
        const [code, killedBy] = await ended;
        return code ?? killedBy;
      };
      expect(await stoppedBy('SIGINT')).toBe(130);
      expect(await stoppedBy('SIGKILL')).toBe('SIGKILL');
      const made = countClips();
      expect(made).toBeGreaterThanOrEqual(2);
      expect(made).toBeLessThan(names.length);
      expect(existsSync(path.join(out, 'labels.csv'))).toBe(false);
      const { code, output } = await kumpas('data', 'extract', '--videos', videos(), '--out', out);
      expect(code).toBe(0);
      expect(output).toContain(`${names.length - made} clips made, ${made} there already`);
      expect(filesIn(out)).toEqual(filesIn(unbroken()));
    });

    it('are left alone the second time, and made anew of a changed video or with other settings', async () => {
      const out = path.join(world, 'again');
      cpSync(unbroken(), out, { recursive: true });
      const table = path.join(world, 'two.csv');
      writeFileSync(table, 'file,gloss,category,signer\nvideos/HELLO/1.mp4,HELLO,greetings,ann\nvideos/HELLO/2.mp4,HELLO,greetings,ben\n');
      const run = async (...more: readonly string[]): Promise<{ extracted: number; skipped: number; errors: string; occluded: number }> => {
        const { output, errors } = await kumpas('data', 'extract', '--videos', table, '--out', out, '--json', ...more);
        return { ...(JSON.parse(output) as { extracted: number; skipped: number; occluded: number }), errors };
      };
      // Made of another name of the video.
      expect(await run()).toMatchObject({ extracted: 2, skipped: 0 });
      expect(readFileSync(path.join(out, 'labels.csv'), 'utf8')).toContain('HELLO/1,0,0,0,ann\n');
      expect(readFileSync(path.join(out, 'labels_reference.csv'), 'utf8')).toContain('0,HELLO,0,greetings');
      expect(await run('--occluded-share', '0')).toMatchObject({ extracted: 0, skipped: 2, occluded: 2 });
      const slower = await run('--fps', '15');
      expect(slower).toMatchObject({ extracted: 2, skipped: 0 });
      expect(slower.errors).toContain('2 clips were there of other settings, and made anew');
      expect((await readClip(path.join(out, 'keypoints/HELLO/1.npz'))).frames).toBe(4);
      utimesSync(path.join(videos(), 'HELLO/1.mp4'), 1e9, 1e9);
      expect(await run('--fps', '15')).toMatchObject({ extracted: 1, skipped: 1 });
    });

    it('cost one of them where the process that reads it ends', async () => {
      const python = path.join(world, 'python');
      writeFileSync(
        python,
        `#!/bin/sh\nif mkdir "${world}/once" 2> "${world}/error"; then echo "out of memory" >&2; exit 3; fi\nexec ${environment.python} "$@"\n`,
      );
      chmodSync(python, 0o755);
      const found = await findVideos(path.join(world, 'two.csv'));
      const told: string[] = [];
      const extraction = new Extraction({
        out: path.join(world, 'survived'),
        videos: found.videos,
        settings: { fps: 30, versions: {}, backbone: null },
        environment: { ...environment, python },
        features: undefined,
        signal: undefined,
        onProgress: () => undefined,
        onProblem: ({ problem }) => told.push(problem),
      });
      expect(await extraction.run(1)).toMatchObject({ done: 2, extracted: 1 });
      expect(told).toEqual(['the process that read it ended (exit code 3: out of memory)']);
      expect(extraction.clips.map(({ name }) => name)).toEqual(['HELLO/2']);
    });

    it('bring features of the same frames, where they are asked for', async () => {
      await startRuntime();
      const features = new PictureFeatures(meansEncoder, new Map([['weight', new Float32Array(3).fill(1)]]), { mode: 'captured' });
      const worker = new LandmarkWorker(environment);
      try {
        const { videos: found } = await findVideos(path.join(world, 'two.csv'));
        const video = required(found[0], 'a video');
        const { clip } = await clipOfVideo(worker, video, { fps: 60, features, meta: {} });
        expect([clip.frames, clip.features?.length]).toEqual([16, 48]);
        const row = (frame: number): number[] => [...required(clip.features, 'features').subarray(3 * frame, 3 * frame + 3)];
        expect(row(1)).toEqual(row(0)); // The same frame twice.
        expect(row(15)).not.toEqual(row(0));
        // Red before blue: an orange suit.
        expect(required(row(0)[0], 'red')).toBeGreaterThan(required(row(0)[2], 'blue'));
      } finally {
        worker.end();
        features.dispose();
      }
    });
  });

  it('are refused with a line where there are none', async () => {
    await expect(extractVideos({ videos: '/nowhere', out: '/nowhere/clips' })).rejects.toThrow(
      '--videos /nowhere: there is no such folder or table',
    );
  });
});
