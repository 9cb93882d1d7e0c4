import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { fromBufferPromise } from 'yauzl';
import { predict, train } from '../../src';
import { npzOfClip } from '../../src/app/page/live/clip-files';
import { SeenFrames } from '../../src/app/page/live/seen-frames';
import { SignHistory } from '../../src/app/page/live/sign-history';
import { npzOf } from '../../src/data/npz';
import { keypointsOf, LANDMARK_NUMBERS, LANDMARKS } from '../../src/extraction/landmarks';
import { framesTaken } from '../../src/extraction/resample';
import { elementAt, required } from '../../src/foundation/required';
import { AppInBrowser, faults, type Look } from '../support/app-in-browser';
import { chromium } from '../support/browser';
import { cameraFlags } from '../support/fake-camera';
import { resultsOf, scriptedHolistic } from '../support/scripted-holistic';

const folder = mkdtempSync(path.join(tmpdir(), 'kumpas-live-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const inBrowser = chromium === undefined ? describe.skip : describe;
const inApp = new AppInBrowser(cameraFlags(folder));

interface Asked {
  readonly frames: readonly (readonly number[])[];
  readonly answer: { readonly gloss: readonly { readonly label: string; readonly probability: number }[] };
}

/** What a page asks the model, and is answered; and how many requests were under way at once. */
function listen(page: Page): { readonly asked: Asked[]; readonly most: () => number } {
  const asked: Asked[] = [];
  let [underWay, most] = [0, 0];
  page.on('request', (request) => {
    if (request.url().includes('/api/predict')) most = Math.max(most, ++underWay);
  });
  page.on('requestfinished', (request) => {
    if (!request.url().includes('/api/predict')) return;
    underWay--;
    const { frames } = request.postDataJSON() as Pick<Asked, 'frames'>;
    void request
      .response()
      .then((response) => response?.json())
      .then((body: { readonly predictions: [Asked['answer']] }) => asked.push({ frames, answer: body.predictions[0] }))
      .catch(() => undefined); // The page was closed meanwhile.
  });
  return { asked, most: () => most };
}

async function valuesOf(npz: Buffer): Promise<Float32Array> {
  const X = await (await npzOf('clip.npz', npz)).read('X');
  if (X.dtype !== 'float32') throw new Error(`X is ${X.dtype}`);
  return X.values;
}

/** Takes the file that a link gives. */
async function downloadOf(page: Page, link: string): Promise<{ readonly name: string; readonly content: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator(link).first().click()]);
  return { name: download.suggestedFilename(), content: readFileSync(await download.path()) };
}

/** Opens the page, its detector saying what a clip's key points are. */
async function onScripted(look: Look, clip: Float32Array, test: (page: Page) => Promise<void>): Promise<void> {
  const frames = Array.from({ length: clip.length / 156 }, (_, frame) => resultsOf(clip.subarray(frame * 156, (frame + 1) * 156)));
  await inApp.look('live', look, async (page) => {
    await page.route('**/mediapipe/holistic.js', (route) =>
      route.fulfill({ contentType: 'text/javascript', body: scriptedHolistic(frames) }),
    );
    await test(page);
  });
}

/** Records until the button is pressed again. */
async function record(page: Page, sign: string, clips: number): Promise<void> {
  await page.locator('#label').fill(sign);
  await page.getByRole('button', { name: 'Record', exact: true }).click();
  await page.waitForTimeout(500);
  await page.getByRole('button', { name: 'Stop recording' }).click();
  await page
    .locator('#clips li')
    .nth(clips - 1)
    .waitFor();
}

inBrowser(`the page Live${chromium === undefined ? ' (skipped: there is no Chromium on this machine)' : ''}`, () => {
  it('recognises what is signed to the camera, and records clips that predict scores the same and a training takes', async () => {
    const [sign = '', other = ''] = inApp.signs();
    const truth = await valuesOf(inApp.clipOf(sign, 'train').buffer);
    await onScripted({ width: 1280, colorScheme: 'light' }, truth, async (page) => {
      const { asked, most } = listen(page);
      await page.locator('#threshold').fill('0');
      await page.locator('#window').fill('1');
      await page.getByRole('button', { name: 'Start camera' }).click();
      await page.locator('#history li').first().waitFor();
      expect(most()).toBe(1);
      expect(await page.locator('#ranking .label').count()).toBe(5);
      expect(asked.some(({ answer }) => answer.gloss.some(({ label }) => label === sign))).toBe(true);
      expect(await page.locator('#speed').textContent()).toMatch(/pictures a second/);

      await page.locator('#delay').selectOption('0');
      await page.locator('#length').selectOption('60');
      for (const [place, name] of [sign, sign, other, other].entries()) await record(page, name, place + 1);
      await page.getByText('4 clips of 2 signs').waitFor();
      await page.locator('#clips li', { hasText: 'The model sees' }).nth(3).waitFor();
      const { name, content } = await downloadOf(page, '#clips li:last-child a');
      expect(await faults(page)).toEqual([]);

      // Every frame is one that was seen.
      const X = await valuesOf(content);
      const rows = new Set(Array.from({ length: truth.length / 156 }, (_, frame) => truth.subarray(frame * 156, (frame + 1) * 156).join()));
      for (let at = 0; at < X.length; at += 156) expect(rows.has(X.subarray(at, at + 156).join())).toBe(true);

      const answered = required(
        asked.find(({ frames }) => frames.length * 156 === X.length && Float32Array.from(frames.flat()).join() === X.join()),
        'what the model said of the clip',
      ).answer;
      const file = path.join(folder, name);
      writeFileSync(file, content);
      const registered = path.join(inApp.root, 'transformer');
      const [model = ''] = readdirSync(registered);
      const { predictions } = await predict({ model: path.join(registered, model), input: [file] });
      const alone = required(predictions[0], 'a prediction');
      if ('error' in alone) throw new Error('it was refused');
      expect(answered.gloss.map(({ label }) => label)).toEqual(alone.gloss.slice(0, 5).map(({ label }) => label));
      for (const [place, { probability }] of answered.gloss.entries())
        expect(probability).toBeCloseTo(elementAt(alone.gloss, place).probability, 5);

      const collection = path.join(folder, 'collection');
      await unzip((await downloadOf(page, '#download-all')).content, collection);
      const small = { emb_dim: 8, num_heads: 1, num_layers: 1, batch_size: 2, epochs: 1 };
      await train({ data: collection, val_share: 0.5, save_dir: path.join(folder, 'models'), ...small });

      const isOff = `(() => { const [track] = document.querySelector('video').srcObject.getTracks();
        dispatchEvent(new Event('pagehide')); return track.readyState; })()`;
      expect(await page.evaluate(isOff)).toBe('ended');
    });
  });

  it('looks at a video picture by picture, and makes a clip of it', async () => {
    const truth = Float32Array.from({ length: 90 * 156 }, (_, at) => 0.1 + Math.floor(at / 156) / 400 + (at % 156) / 400);
    await onScripted({ width: 1280, colorScheme: 'dark' }, truth, async (page) => {
      await page.locator('#label').fill('HELLO');
      await page.locator('#video-file').setInputFiles({ name: 'hello.webm', mimeType: 'video/webm', buffer: await recordedVideo(page) });
      await page.getByText('That was the whole video').waitFor({ timeout: 100_000 });
      const { content } = await downloadOf(page, '#clips a');
      const X = await valuesOf(content);
      expect(X.length / 156).toBeGreaterThan(5);
      expect(X.length / 156).toBeLessThan(90);
      expect(X).toEqual(truth.slice(0, X.length)); // A picture of the video for each frame, none twice.
      expect(await page.locator('#clips').textContent()).toContain('The model sees');
    });
  });

  it('loads MediaPipe from the app, and may compile nothing but WebAssembly', async () => {
    const policyOf = async (page: string): Promise<string> =>
      (await fetch(`${inApp.address}${page}`)).headers.get('content-security-policy') ?? '';
    expect(await policyOf('live')).toContain("script-src 'self' 'wasm-unsafe-eval';");
    expect(await policyOf('')).toContain("script-src 'self';");
    expect((await fetch(`${inApp.address}mediapipe/package.json`)).status).toBe(404);
    const tag = (await fetch(`${inApp.address}mediapipe/holistic.js`)).headers.get('etag') ?? '';
    const again = await fetch(`${inApp.address}mediapipe/holistic.js`, { headers: { 'if-none-match': tag } });
    expect(again.status).toBe(304);
    await inApp.look('live', { width: 1280, colorScheme: 'light' }, async (page) => {
      const loaded: string[] = [];
      page.on('requestfinished', (request) => loaded.push(request.url()));
      await page.evaluate(`new Promise((resolve, reject) => {
        const script = Object.assign(document.createElement('script'), { src: '/mediapipe/holistic.js', onload: resolve, onerror: reject });
        document.head.append(script);
      }).then(() => new Holistic({ locateFile: (file) => '/mediapipe/' + file }).initialize())`);
      expect(loaded.some((address) => address.endsWith('.wasm'))).toBe(true);
      expect(loaded.filter((address) => !address.startsWith(inApp.address))).toEqual([]);
    });
  });

  it('says on a phone that it sees no hands, and in words what cannot be used', async () => {
    const noHands = Float32Array.from({ length: 156 }, (_, number) => (number < 50 ? 0.5 : 0));
    await onScripted({ width: 390, colorScheme: 'dark' }, noHands, async (page) => {
      await page.getByRole('button', { name: 'Start camera' }).click();
      await page.getByText('No hands in the picture').waitFor();
      expect(await page.locator('#sign').textContent()).toBe('No sign');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
      expect(await faults(page)).toEqual([]);
      await page.getByRole('button', { name: 'Stop', exact: true }).click();

      await page.locator('#video-file').setInputFiles({ name: 'text.mp4', mimeType: 'video/mp4', buffer: Buffer.from('no video') });
      await page.getByText('text.mp4 cannot be played by this browser').waitFor();
      for (const [error, words] of [
        ['NotAllowedError', 'does not let this page use the camera'],
        ['NotFoundError', 'There is no camera'],
      ]) {
        await page.evaluate(`navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '${error}'))`);
        await page.getByRole('button', { name: 'Start camera' }).click();
        await page.getByText(required(words, 'what is said')).waitFor();
      }
      await page.addInitScript('HTMLCanvasElement.prototype.getContext = () => null');
      await page.reload();
      await page.getByText('it has no WebGL 2').waitFor();
      expect(await page.getByRole('button', { name: 'Start camera' }).isDisabled()).toBe(true);
    });
  });
});

/** Half a second of the camera, as browsers record it. */
async function recordedVideo(page: Page): Promise<Buffer> {
  const recorded: string = await page.evaluate(`(async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    const recorder = new MediaRecorder(stream, { mimeType: 'video/webm;codecs=vp8' });
    const parts = [];
    await new Promise((resolve) => {
      recorder.ondataavailable = ({ data }) => { if (data.size > 0 && parts.push(data) === 6) resolve(); };
      recorder.start(100);
    });
    await new Promise((resolve) => { recorder.onstop = resolve; recorder.stop(); });
    for (const track of stream.getTracks()) track.stop();
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  })()`);
  return Buffer.from(recorded, 'base64');
}

/** Unpacks a zip file whose files are stored as they are. */
async function unzip(bytes: Buffer, into: string): Promise<void> {
  const zip = await fromBufferPromise(bytes);
  for await (const entry of zip.eachEntry()) {
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    const file = path.join(into, entry.fileName);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes.subarray(fileDataStart, fileDataStart + entry.uncompressedSize));
  }
}

describe('the frames that were seen', () => {
  /** Landmarks of a pose that moves, with a hand in some pictures. */
  const landmarks = Array.from({ length: 12 }, (_, picture) =>
    Float32Array.from({ length: LANDMARK_NUMBERS }, (_, at) => {
      const isPose = at < LANDMARKS.leftHand.start;
      const isHand = at >= LANDMARKS.rightHand.start && at < LANDMARKS.face.start;
      if (isPose) return at % 3 === 2 ? 0.9 : (at + picture) / 200;
      return isHand && picture % 4 === 0 ? (at + picture) / 400 : NaN;
    }),
  );

  it('become the very numbers that a video of the same landmarks becomes, whatever the times at which they were seen', async () => {
    const moments = [0, 60, 90, 200, 233, 260, 300, 400, 410, 433, 470, 500];
    const seen = new SeenFrames();
    for (const [picture, moment] of moments.entries()) seen.add(5000 + moment, elementAt(landmarks, picture));
    const clip = required(seen.clipSince(5000, { source: 'webcam' }), 'a clip');
    const ofVideo = keypointsOf(framesTaken(moments, 30).map((picture) => elementAt(landmarks, picture)));
    expect(clip.frames).toBeGreaterThan(12);
    expect(clip.values).toEqual(ofVideo.values);
    expect(clip.mask).toEqual(ofVideo.mask);
    const npz = await npzOf('clip.npz', Buffer.from(npzOfClip({ name: 'clip', sign: 'GOOD MORNING', clip })));
    expect(npz.keys).toEqual(['X', 'mask', 'timestamps_ms', 'meta']);
    expect((await npz.read('X')).values).toEqual(ofVideo.values);
    expect((await npz.read('mask')).values).toEqual(ofVideo.mask);
    expect((await npz.read('timestamps_ms')).values.slice(0, 3)).toEqual(BigInt64Array.of(0n, 33n, 67n));
    const [meta = ''] = (await npz.read('meta')).values as string[];
    expect(JSON.parse(meta)).toMatchObject({
      gloss: 'GOOD MORNING',
      source: 'webcam',
      target_fps: 30,
      source_frames: 12,
      order: 'pose25,left_hand21,right_hand21,face11',
    });
  });

  it('have hands as long as one was found lately, and a rate', () => {
    const seen = new SeenFrames();
    expect([seen.hasHands(), seen.rate()]).toEqual([false, undefined]);
    for (const picture of [0, 1, 2, 3]) seen.add(100 * picture, elementAt(landmarks, picture));
    expect(seen.hasHands()).toBe(true);
    expect(seen.rate()).toBeCloseTo(10, 6);
    seen.add(1200, elementAt(landmarks, 1));
    expect(seen.hasHands()).toBe(false);
  });
});

describe('the history of signs', () => {
  it('takes a sign that was on top three times in a row, once until another or none came between', () => {
    const history = new SignHistory();
    const entered = ['A', 'A', 'B', 'A', 'A', 'A', 'A', undefined, 'A', 'A', 'A', 'B', 'B', 'B'].map((sign) => history.take(sign));
    expect(history.signs).toEqual(['A', 'A', 'B']);
    expect(entered.filter(Boolean)).toHaveLength(3);
  });
});
