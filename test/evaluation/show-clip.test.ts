import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { packSet, showClip } from '../../src';
import { KNOWN_LAYOUTS } from '../../src/config/known-layouts';
import { widthOfLayout } from '../../src/config/keypoint-layout';
import { writeClipFile } from '../../src/data/clip-file';
import { writeLayoutFile } from '../../src/data/layout-file';
import { formatNpz } from '../../src/data/npz';
import { animationPlan } from '../../src/evaluation/pictures/clip-film';
import { required } from '../../src/foundation/required';
import { clipArrays, clipValues, inTemporaryFolder } from '../support/clip-files';
import { sharedCommands } from '../support/commands';

const { kumpasIn } = sharedCommands();

/** Of the skeleton's parts, as they are drawn. */
const COLOURS = { pose: '#d13b40', left_hand: '#2f6fdb', right_hand: '#218a4b', face: '#d97a16' };

/** The points of a figure: a quiet one of the usual layout, by their places, in shares of the picture. */
function figure(found: (point: number) => boolean): Float32Array {
  return Float32Array.from({ length: 156 }, (_, at) => {
    const point = Math.floor(at / 2);
    if (!found(point)) return 0;
    return at % 2 === 0 ? 0.1 + (0.8 * ((point * 37) % 78)) / 78 : 0.1 + (0.8 * point) / 78;
  });
}

function writeFigures(file: string, frames: number, found: (point: number) => boolean, timestampsMs: readonly number[], meta = {}): void {
  const one = figure(found);
  const values = new Float32Array(156 * frames);
  for (let frame = 0; frame < frames; frame++) values.set(one, 156 * frame);
  writeClipFile(file, { frames, values, timestampsMs, meta });
}

/** How many pixels of a picture's frame have a colour, or one near it. */
async function pixelsOf(picture: string | Buffer, colour: string, page = 0): Promise<number> {
  const { data, info } = await sharp(picture, { page }).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const bytes = Uint8Array.from(data); // One of this realm, many times faster.
  let count = 0;
  for (let at = 0; at < bytes.length; at += info.channels) {
    const [one = 0, two = 0, three = 0] = [bytes[at], bytes[at + 1], bytes[at + 2]];
    if (Math.abs(red - one) <= 12 && Math.abs(green - two) <= 12 && Math.abs(blue - three) <= 12) count++;
  }
  return count;
}

describe('what is in a clip', () => {
  it('is told: frames, seconds, points that are missing or masked, arrays, meta; the gloss by its meta or by the labels beside it', async () => {
    await inTemporaryFolder(async (folder) => {
      const set = path.join(folder, 'set');
      mkdirSync(path.join(set, 'keypoints_train'), { recursive: true });
      const file = path.join(set, 'keypoints_train/a.npz');
      const X = clipValues(4);
      X.fill(0, 50, 92); // The left hand of the first frame.
      const mask = new Uint8Array(4 * 78).fill(1);
      mask.fill(0, 25, 67); // Both hands of the first frame.
      writeFileSync(
        file,
        formatNpz(
          clipArrays(4, 1, {
            X: { dtype: 'float32', shape: [4, 156], values: X },
            mask: { dtype: 'bool', shape: [4, 78], values: mask },
            timestamps_ms: { dtype: 'int64', shape: [4], values: BigInt64Array.of(0n, 40n, 80n, 120n) },
          }),
        ),
      );
      writeFileSync(path.join(set, 'train_labels.csv'), 'file,gloss,cat\na,1,0\n');
      writeFileSync(path.join(set, 'labels_reference.csv'), 'gloss_id,label,cat_id,category\n0,NO,0,words\n1,YES,0,words\n');
      const { clips } = await showClip({ input: file });
      expect(clips).toMatchObject([
        {
          file,
          gloss: 'YES',
          frames: 4,
          seconds: 0.16,
          framesPerSecond: 25,
          keypoints: { layout: 'holistic78' },
          parts: [
            { part: 'pose', missing: 0, masked: 0 },
            { part: 'left_hand', missing: 0.25, masked: 0 },
            { part: 'right_hand', missing: 0, masked: 0.25 },
            { part: 'face', missing: 0, masked: 0 },
          ],
          meta: { keypoints_total: 78 },
          picture: undefined,
        },
      ]);
      const printed = await kumpasIn(folder, 'data', 'show', 'set/keypoints_train/a.npz');
      expect(printed).toMatchObject({ code: 0, errors: '' });
      expect(printed.output).toMatch(/gloss +YES\n +frames +4, 0\.16 s at 25\.0 a second\n/);
      expect(printed.output).toMatch(/missing +pose 0\.0 %, left hand 25\.0 %, right hand 0\.0 %/);
      expect(printed.output).toMatch(/arrays +X float32 \[4, 156\], mask bool \[4, 78\], timestamps_ms int64 \[4\], meta text \[\]/);
      // Of a clip within a pack it is the same.
      const { file: pack } = await packSet({ data: set, out: path.join(folder, 'set.safetensors') });
      const [packed] = (await showClip({ input: path.join(pack, 'keypoints_train/a.npz') })).clips;
      expect({ ...packed, file }).toEqual(clips[0]);
    });
  });

  it('may be of features, which are told and not drawn', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'f.npz');
      writeFileSync(file, formatNpz({ X2048: { dtype: 'float32', shape: [3, 2048], values: clipValues(3, 1, 2048) } }));
      expect((await showClip({ input: file })).clips).toMatchObject([{ frames: 3, keypoints: undefined, parts: [] }]);
      await expect(showClip({ input: file, out: path.join(folder, 'f.gif') })).rejects.toThrow(
        `${file}: no key points "X" [frames, numbers] to draw; it holds "X2048" [3, 2048]; choose an array with --kp-key`,
      );
    });
  });
});

describe('a film of a clip', () => {
  it('has each part in its colour and nothing of what is missing, moves as fast as the clip, and as fast as is asked', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'clip.npz');
      const timestampsMs = [0, 33, 67, 100, 133, 300, 333];
      writeFigures(file, 7, (point) => point < 46 || point >= 67, timestampsMs, { gloss: '谢谢' });
      const out = path.join(folder, 'films/clip.gif');
      expect((await showClip({ input: file, out })).clips[0]?.picture).toBe(out);
      const { pages, delay, loop, width, pageHeight } = await sharp(out, { animated: true }).metadata();
      expect({ pages, delay, loop }).toEqual({ pages: 7, delay: [30, 40, 30, 30, 170, 30, 60], loop: 0 });
      expect([width % 2, pageHeight]).toEqual([0, 412]);
      for (const page of [0, 6]) {
        for (const part of ['pose', 'left_hand', 'face'] as const) expect(await pixelsOf(out, COLOURS[part], page)).toBeGreaterThan(20);
        expect(await pixelsOf(out, COLOURS.right_hand, page)).toBe(0);
      }
      const fast = path.join(folder, 'fast.gif');
      await showClip({ input: file, out: fast, speed: 2, size: 120 });
      const half = await sharp(fast, { animated: true }).metadata();
      expect(half.delay?.reduce((sum, one) => sum + one, 0)).toBe(190);
      expect(half.pageHeight).toBe(138);
    });
  });

  it('gives what rounding takes from one frame to the next, and passes over frames for which there is no time', () => {
    for (const rate of [7, 24, 25, 29.97, 30, 50, 60, 100, 120, 240]) {
      const timestamps = Array.from({ length: 2 * Math.round(rate) }, (_, frame) => Math.round((1000 * frame) / rate));
      const plan = animationPlan(timestamps, 1);
      const whole = plan.reduce((sum, { delay }) => sum + delay, 0);
      expect(Math.abs(whole - (100 * timestamps.length) / rate)).toBeLessThanOrEqual(2);
      expect(plan.every(({ delay }) => delay >= 2)).toBe(true);
      expect(plan.length).toBe(rate <= 50 ? timestamps.length : plan.length);
      expect(plan[0]?.frame).toBe(0);
    }
    expect(animationPlan([5], 1)).toEqual([{ frame: 0, delay: 100 }]);
    expect(animationPlan([0, 0, 0], 1)).toEqual([{ frame: 0, delay: 2 }]);
  });

  it('shows points that the mask says were not seen as rings', async () => {
    await inTemporaryFolder(async (folder) => {
      const inked = async (seen: number): Promise<number> => {
        const file = path.join(folder, `${seen}.npz`);
        const values = figure((point) => point >= 67);
        writeClipFile(file, { frames: 1, values, mask: new Uint8Array(78).fill(seen), timestampsMs: [0], meta: {} });
        const out = path.join(folder, `${seen}.png`);
        await showClip({ input: file, out, size: 720 });
        return pixelsOf(out, COLOURS.face);
      };
      const [rings, dots] = [await inked(0), await inked(1)];
      expect(rings).toBeGreaterThan(100);
      expect(rings).toBeLessThan(0.75 * dots);
    });
  });

  it('has the shape of the picture that the clip was filmed in', async () => {
    await inTemporaryFolder(async (folder) => {
      // Two points as far apart across as down, in shares of the picture.
      const values = new Float32Array(156);
      values.set([0.2, 0.2, 0.4, 0.4]);
      const shapeOf = async (name: string, meta: Record<string, unknown>, aspect?: string): Promise<number> => {
        const file = path.join(folder, `${name}.npz`);
        writeClipFile(file, { frames: 1, values, timestampsMs: [0], meta });
        const out = path.join(folder, `${name}.png`);
        await showClip({ input: file, out, frames: 1, size: 300, ...(aspect === undefined ? {} : { aspect }) });
        const image = await loadImage(out);
        const context = createCanvas(image.width, image.height).getContext('2d');
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, image.width, image.height);
        const places: [x: number, y: number][] = [];
        for (let pixel = 0; 4 * pixel < data.length; pixel++)
          if (data[4 * pixel] === 0xd1 && data[4 * pixel + 1] === 0x3b) places.push([pixel % image.width, Math.floor(pixel / image.width)]);
        const spread = (axis: 0 | 1): number =>
          Math.max(...places.map((place) => place[axis])) - Math.min(...places.map((place) => place[axis])) - 5;
        return spread(0) / spread(1);
      };
      expect(await shapeOf('as-said', {}, '1:1')).toBeCloseTo(1, 1);
      expect(await shapeOf('usual', {})).toBeCloseTo(4 / 3, 1);
      expect(await shapeOf('in-meta', { width: 1600, height: 1000 })).toBeCloseTo(1.6, 1);
      await expect(shapeOf('wrong', {}, 'wide')).rejects.toThrow('--aspect: expected width by height, as 16:9 or 1.78, found "wide"');
    });
  });
});

describe('an MP4 of a clip', () => {
  /** Takes the place of ffmpeg: tells what it was given, or that it cannot do it. */
  const stub = (last: string): string => `#!${process.execPath}
    let bytes = 0;
    process.stdin.on('data', (data) => { bytes += data.length; }).on('end', () => { ${last} });`;

  it('is encoded by the ffmpeg that is installed: every fiftieth of a second the frame that is shown then', async () => {
    await inTemporaryFolder(async (folder) => {
      writeFigures(path.join(folder, 'clip.npz'), 5, () => true, [0, 40, 80, 200, 240]);
      const PATH = path.join(folder, 'bin');
      mkdirSync(PATH);
      const show = ['data', 'show', 'clip.npz', '-o', 'clip.mp4', '--size', '100'];
      const missing = await kumpasIn({ cwd: folder, environment: { PATH } }, ...show);
      expect(missing).toMatchObject({
        code: 1,
        errors: 'clip.mp4: an MP4 is encoded by ffmpeg, which is not installed; install it, or write clip.gif\n',
      });
      writeFileSync(
        path.join(PATH, 'ffmpeg'),
        stub("require('fs').writeFileSync(process.argv.at(-1), JSON.stringify({ bytes, typed: process.argv.slice(2) }));"),
        { mode: 0o755 },
      );
      expect(await kumpasIn({ cwd: folder, environment: { PATH } }, ...show)).toMatchObject({ code: 0, output: 'clip.mp4\n' });
      const given = JSON.parse(readFileSync(path.join(folder, 'clip.mp4'), 'utf8')) as { bytes: number; typed: string[] };
      const [, width = '0', height = '0'] = /^(\d+)x(\d+)$/.exec(given.typed[given.typed.indexOf('-s') + 1] ?? '') ?? [];
      expect(height).toBe('114');
      expect(given.bytes).toBe(0.3 * 50 * Number(width) * Number(height) * 4);
      writeFileSync(path.join(PATH, 'ffmpeg'), stub("console.error('Unknown encoder'); process.exit(8);"), { mode: 0o755 });
      const refused = await kumpasIn({ cwd: folder, environment: { PATH } }, ...show);
      expect(refused).toMatchObject({
        code: 1,
        errors: 'clip.mp4: ffmpeg could not encode it (Unknown encoder); write a .gif in its place\n',
      });
      expect(readdirSync(folder).sort()).toEqual(['bin', 'clip.mp4', 'clip.npz']);
    });
  });
});

describe('pictures of several clips', () => {
  it('are a file each in a folder, or a sheet with a row each', async () => {
    await inTemporaryFolder(async (folder) => {
      const files = ['a', 'b'].flatMap((name) =>
        ['one', 'two'].map((place) => {
          const file = path.join(folder, place, `${name}.npz`);
          writeFigures(file, 5, () => true, [0, 40, 80, 120, 160]);
          return file;
        }),
      );
      const films = path.join(folder, 'films');
      await showClip({ input: files, out: films, size: 60 });
      expect(readdirSync(films).sort()).toEqual(['a-2.gif', 'a.gif', 'b-2.gif', 'b.gif']);
      const inWords = await kumpasIn(folder, 'data', 'show', 'one', '-o', 'all.png', '--size', '60');
      expect(inWords).toMatchObject({ code: 0, output: 'all.png\n' });
      const { code, output } = await kumpasIn(
        folder,
        'data',
        'show',
        'one/a.npz',
        'two/b.npz',
        '-o',
        'sheet.png',
        '--frames',
        '3',
        '--size',
        '100',
        '--json',
      );
      expect(code).toBe(0);
      expect((JSON.parse(output) as { clips: { picture: string }[] }).clips.map(({ picture }) => picture)).toEqual([
        'sheet.png',
        'sheet.png',
      ]);
      const { width, height } = await sharp(path.join(folder, 'sheet.png')).metadata();
      expect(height).toBe(2 * 114 + 3 * 12);
      expect((width - 12) % 3).toBe(0);
    });
  });

  it('are refused in a line where they cannot be made', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = path.join(folder, 'a.npz');
      writeFigures(file, 2, () => true, [0, 40]);
      const other = path.join(folder, 'b.npz');
      writeFigures(other, 2, () => true, [0, 40]);
      const out = (name: string): string => path.join(folder, name);
      await expect(showClip({ input: file, out: out('a.jpg') })).rejects.toThrow(
        /expected a name that ends in \.gif, \.png or \.mp4, or a folder/,
      );
      await expect(showClip({ input: [file, other], out: out('a.gif') })).rejects.toThrow(
        /one \.gif shows one clip, and there are 2; name a folder/,
      );
      writeFileSync(out('bad.npz'), 'no zip');
      expect(await kumpasIn(folder, 'data', 'show', 'bad.npz', '-o', 'bad.gif')).toMatchObject({
        code: 1,
        errors: expect.stringMatching(/^bad\.npz: it is no \.npz/),
      });
      expect(existsSync(out('bad.gif'))).toBe(false);
    });
  });
});

describe('other skeletons', () => {
  it('are drawn by their layout: of keypoints.json, of their meta, or as points where nothing is known of them', async () => {
    await inTemporaryFolder(async (folder) => {
      const layout = required(
        [...KNOWN_LAYOUTS.values()].find(({ name }) => name === 'holistic75'),
        'holistic75',
      );
      const values = clipValues(2, 1, widthOfLayout(layout));
      const write = (file: string, meta: Record<string, unknown>, keep = true): void => {
        writeClipFile(file, { frames: 2, values, timestampsMs: [0, 40], meta, ...(keep ? { layout } : {}) });
      };
      mkdirSync(path.join(folder, 'set/keypoints_train'), { recursive: true });
      writeLayoutFile(path.join(folder, 'set'), layout);
      const npz = (name: string) => path.join(folder, name);
      writeFileSync(npz('set/keypoints_train/a.npz'), formatNpz({ X: { dtype: 'float32', shape: [2, 150], values } }));
      write(npz('by-meta.npz'), {});
      writeFileSync(npz('unknown.npz'), formatNpz({ X: { dtype: 'float32', shape: [2, 150], values } }));
      writeFileSync(npz('deep.npz'), formatNpz({ X: { dtype: 'float32', shape: [2, 75], values: values.slice(0, 150) } }));
      const shown = async (name: string): Promise<unknown> => {
        const out = npz(`${path.basename(name)}.png`);
        const [facts] = (await showClip({ input: npz(name), out })).clips;
        expect(readFileSync(out).length).toBeGreaterThan(1000);
        return facts?.keypoints;
      };
      expect(await shown('set/keypoints_train/a.npz')).toMatchObject({ layout: 'holistic75' });
      expect(await shown('by-meta.npz')).toMatchObject({ layout: 'holistic75' });
      expect(await shown('unknown.npz')).toEqual({ layout: 'unknown', description: '75 key points × (x, y)' });
      expect(await shown('deep.npz')).toEqual({ layout: 'unknown', description: '25 key points × (x, y, z)' });
    });
  });
});
