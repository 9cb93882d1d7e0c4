import { fetchModels } from '../shared/api';
import { takeDrops } from '../shared/drops';
import { byId, element } from '../shared/elements';
import { hasWebGL, LandmarkFinder } from './holistic';
import { cameraPictures, videoPictures, type Pictures } from './pictures';
import { Recognition } from './recognition';
import { Recording } from './recording';
import { SeenFrames } from './seen-frames';
import { Stage } from './stage';

/** Fewer pictures a second than this are too few to see a sign in. */
const TOO_SLOW = 8;

const status = byId('status', HTMLElement);
const choice = byId('model', HTMLSelectElement);
const startButton = byId('start', HTMLButtonElement);
const stopButton = byId('stop', HTMLButtonElement);
const fileInput = byId('video-file', HTMLInputElement);
const speed = byId('speed', HTMLElement);
const windowRange = byId('window', HTMLInputElement);
const thresholdRange = byId('threshold', HTMLInputElement);
const mirrorSwitch = byId('mirror', HTMLInputElement);

const stage = new Stage(byId('video', HTMLVideoElement), byId('overlay', HTMLCanvasElement), byId('picture', HTMLElement));
const seen = new SeenFrames();
const recognition = new Recognition({
  model: () => (choice.value === '' ? undefined : choice.value),
  window: () => 1000 * Number(windowRange.value),
  threshold: () => Number(thresholdRange.value),
});
const recording = new Recording(seen, stage.video, (clip) => recognition.lookAt(clip));
let finder: Promise<LandmarkFinder> | undefined;
let running: Pictures | undefined;
let usesVideo = false;

function say(text: string, kind: 'quiet' | 'problem' | 'working' = 'quiet'): void {
  status.textContent = text;
  status.className = `status ${kind}`;
  status.hidden = text === '';
}

/** Looks at pictures until they end, or others are wanted. */
async function watch(open: () => Promise<Pictures>): Promise<void> {
  stop();
  startButton.disabled = true;
  try {
    const pictures = await open();
    running = pictures;
    usesVideo = pictures.waits;
    showButtons();
    say('Loading what finds key points (30 MB, from this app) …', 'working');
    finder ??= LandmarkFinder.load();
    const ready = await finder.catch((error: unknown) => {
      finder = undefined;
      throw error;
    });
    if (running !== pictures) return;
    ready.forget();
    say('Looking at the first picture: this takes longest …', 'working');
    await follow(pictures, ready);
  } finally {
    startButton.disabled = false;
    showButtons();
  }
}

async function follow(pictures: Pictures, ready: LandmarkFinder): Promise<void> {
  seen.clear();
  recognition.restart();
  recording.begin(pictures.source);
  let isFirst = true;
  for await (const { image, moment } of pictures.frames()) {
    const landmarks = await ready.find(image);
    if (running !== pictures) return;
    if (isFirst) {
      say('');
      stage.reveal();
    }
    isFirst = false;
    seen.add(moment, landmarks);
    stage.draw(landmarks);
    recording.step();
    showSpeed();
    const looked = recognition.look(seen);
    if (pictures.waits) await looked;
    else looked.catch(tell);
  }
  if (running !== pictures) return;
  if (pictures.waits) recording.keepAll();
  stop();
  say(pictures.waits ? 'That was the whole video. It is among the clips below.' : 'The camera has gone. Connect it, and start again.');
}

function stop(): void {
  running?.stop();
  running = undefined;
  recording.end();
  stage.clear();
  speed.textContent = '';
  showButtons();
}

function showButtons(): void {
  startButton.hidden = running !== undefined;
  stopButton.hidden = running === undefined;
  document.body.classList.toggle('watching', running !== undefined);
  stage.isMirrored = mirrorSwitch.checked && !usesVideo;
}

function showSpeed(): void {
  const rate = seen.rate();
  if (rate === undefined) return;
  const isSlow = !usesVideo && rate < TOO_SLOW;
  const advice =
    'That is too slow for signs: use a browser with hardware acceleration on a machine with a graphics processor, or drop a video, which waits.';
  speed.textContent = usesVideo
    ? `Picture at ${(seen.latest ?? 0) / 1000 < 10 ? '0' : ''}${((seen.latest ?? 0) / 1000).toFixed(1)} s of the video`
    : `${rate < 1 ? rate.toFixed(2) : rate.toFixed(0)} pictures a second. ${isSlow ? advice : ''}`;
  speed.classList.toggle('problem', isSlow);
}

function showSettings(): void {
  byId('window-shown', HTMLElement).textContent = `${Number(windowRange.value).toFixed(1)} s`;
  byId('threshold-shown', HTMLElement).textContent = `${Math.round(100 * Number(thresholdRange.value))} %`;
  showButtons();
}

function tell(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  say(error instanceof TypeError ? 'The app does not answer: has it been ended? Start it again with npm run app.' : text, 'problem');
}

function watchVideo(file: File | undefined): void {
  if (file !== undefined) watch(() => videoPictures(stage.video, file)).catch(fail);
}

function fail(error: unknown): void {
  stop();
  tell(error);
}

function takeVideos(): void {
  takeDrops(byId('drop', HTMLElement), fileInput, ([file]) => {
    watchVideo(file);
  });
}

async function begin(): Promise<void> {
  for (const input of [windowRange, thresholdRange, mirrorSwitch]) input.addEventListener('input', showSettings);
  startButton.addEventListener('click', () => {
    watch(() => cameraPictures(stage.video)).catch(fail);
  });
  stopButton.addEventListener('click', () => {
    stop();
    say('Stopped. Start the camera, or drop a video.');
  });
  choice.addEventListener('change', () => {
    say('');
    recognition.restart();
  });
  addEventListener('pagehide', stop); // The camera's light goes out.
  showSettings();
  if (!hasWebGL()) {
    startButton.disabled = true;
    fileInput.disabled = true;
    say(
      'This browser cannot find key points: it has no WebGL 2. Turn on hardware acceleration in its settings, or use a current Chrome, Edge or Firefox.',
      'problem',
    );
  } else takeVideos();
  const models = await fetchModels();
  choice.replaceChildren(...models.map(({ name }) => element('option', { value: name }, name)));
  choice.disabled = models.length === 0;
  if (models.length === 0 && hasWebGL())
    say('There is no model yet, so no sign is recognised. You can record clips, though, and train one on them.');
}

begin().catch(tell);
