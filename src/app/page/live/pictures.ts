import { CLIP_RATE } from '../../../extraction/clip-of-landmarks';

/** A picture to look at, and when it was shown, in milliseconds from any beginning. */
export interface Picture {
  readonly image: HTMLVideoElement;
  readonly moment: number;
}

/** Where pictures come from. */
export interface Pictures {
  /** What clips say that they are of. */
  readonly source: string;
  /** Whether pictures wait until they were looked at: those of a file do, those of a camera go by. */
  readonly waits: boolean;
  /** One after the other, until it ends or is stopped. */
  readonly frames: () => AsyncGenerator<Picture, void>;
  /** Ends it, and gives the camera back. */
  readonly stop: () => void;
}

/** What a visitor can do about pictures that cannot be had. */
export class NoPictures extends Error {
  override readonly name = 'NoPictures';
}

/** What is wrong with the camera, by the name of the browser's error, and what to do. */
const CAMERA_PROBLEMS: Readonly<Record<string, string>> = {
  NotAllowedError:
    'The browser does not let this page use the camera. Allow it at the camera sign beside the address, then start again; or drop a video.',
  NotFoundError: 'There is no camera. Connect one and start again; or drop a video.',
  NotReadableError: 'The camera cannot be used: perhaps another program has it. Close that and start again; or drop a video.',
};

/** The pictures of the camera. @throws NoPictures where there is none, or it may not be used. */
export async function cameraPictures(video: HTMLVideoElement): Promise<Pictures> {
  if (!isSecureContext)
    throw new NoPictures(
      'Browsers let a page use the camera only at http://127.0.0.1 or over https. Open the app on the machine it runs on; or drop a video.',
    );
  const stream = await navigator.mediaDevices
    .getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: CLIP_RATE } }, audio: false })
    .catch((error: unknown) => {
      const name = error instanceof Error ? error.name : '';
      throw new NoPictures(CAMERA_PROBLEMS[name] ?? `The camera cannot be used (${name}). Try again; or drop a video.`);
    });
  const tracks = stream.getVideoTracks();
  video.srcObject = stream;
  await video.play();
  let isRunning = true;
  const stop = (): void => {
    isRunning = false;
    for (const track of tracks) track.stop();
    video.srcObject = null;
  };
  for (const track of tracks)
    track.addEventListener('ended', () => {
      isRunning = false; // It was pulled out, or the visitor took the permission back.
    });
  return {
    source: 'webcam',
    waits: false,
    stop,
    frames: async function* () {
      for (let shown = await nextShown(video); isRunning; shown = await nextShown(video)) yield { image: video, moment: shown };
    },
  };
}

/** When the next picture of the camera is shown; it does not wait for ever, since a camera may be gone. */
function nextShown(video: HTMLVideoElement): Promise<number> {
  return new Promise((resolve) => {
    const late = setTimeout(() => {
      video.cancelVideoFrameCallback(request);
      resolve(performance.now());
    }, 500);
    const request = video.requestVideoFrameCallback((now) => {
      clearTimeout(late);
      resolve(now);
    });
  });
}

/** The pictures of a video file, each as long as it takes. @throws NoPictures where the browser cannot play it. */
export async function videoPictures(video: HTMLVideoElement, file: File): Promise<Pictures> {
  const address = URL.createObjectURL(file);
  const free = (): void => {
    URL.revokeObjectURL(address);
    video.removeAttribute('src');
    video.load();
  };
  video.srcObject = null;
  video.src = address;
  try {
    await eventOf(video, 'loadeddata', ['error']);
    await knowLength(video);
  } catch {
    free();
    throw new NoPictures(
      `${file.name} cannot be played by this browser. Try an MP4 (H.264) or WebM; npm run data -- extract reads others.`,
    );
  }
  const ended = new AbortController();
  const isRunning = (): boolean => !ended.signal.aborted;
  return {
    source: file.name,
    waits: true,
    stop: () => {
      ended.abort();
      free();
    },
    frames: async function* () {
      const count = Math.max(1, Math.floor(Math.min(video.duration, LONGEST_VIDEO) * CLIP_RATE));
      for (let frame = 0; frame < count && isRunning(); frame++) {
        const moment = (frame + 0.5) / CLIP_RATE; // The middle of the time that it is shown: rounding cannot lead to its neighbour.
        await seek(video, moment).catch((error: unknown) => {
          if (isRunning()) throw error;
        });
        if (!isRunning()) return;
        if (video.currentTime < moment - 1 / CLIP_RATE) return; // It is shorter than it said.
        yield { image: video, moment: (frame * 1000) / CLIP_RATE };
      }
    },
  };
}

/** What browsers record says no length until its end was looked for. */
async function knowLength(video: HTMLVideoElement): Promise<void> {
  if (Number.isFinite(video.duration)) return;
  await seek(video, Number.MAX_SAFE_INTEGER);
}

async function seek(video: HTMLVideoElement, seconds: number): Promise<void> {
  const arrived = eventOf(video, 'seeked', ['error', 'emptied']); // It is emptied where it is stopped meanwhile.
  video.currentTime = seconds;
  await arrived;
}

/** Seconds of a video that are looked at. */
const LONGEST_VIDEO = 600;

async function eventOf(video: HTMLVideoElement, name: string, failures: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const ended = new AbortController();
    const settle = (how: () => void) => (): void => {
      ended.abort();
      how();
    };
    video.addEventListener(name, settle(resolve), { signal: ended.signal });
    for (const failure of failures)
      video.addEventListener(
        failure,
        settle(() => {
          reject(new NoPictures('The video cannot be read any further.'));
        }),
        { signal: ended.signal },
      );
  });
}
