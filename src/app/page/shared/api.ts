import type { KeypointLayout } from '../../../config/keypoint-layout';
import { elementAt, required } from '../../../foundation/required';

/** A class and how sure the model is of it, from 0 to 1. */
export interface RankedClass {
  readonly id: number;
  readonly label: string;
  readonly probability: number;
}

/** What a model sees in a clip. */
export interface Prediction {
  readonly file: string;
  readonly model: string;
  readonly gloss: readonly RankedClass[];
  readonly category: readonly RankedClass[];
  readonly warnings: readonly string[];
}

/** A clip that could not be used, and why. */
export interface RefusedClip {
  readonly file: string;
  readonly error: string;
}

export type Answer = Prediction | RefusedClip;

/** A model that the app serves. */
export interface Model {
  readonly name: string;
  readonly type: string;
  readonly version: string | null;
  readonly stage: string;
  readonly epoch: number | null;
  readonly gloss_acc: number | null;
  readonly cat_acc: number | null;
  readonly synthetic: boolean;
}

/** What is in a clip's file. */
export interface ClipView {
  readonly name: string;
  readonly gloss?: string;
  readonly frames: number;
  readonly seconds: number;
  readonly framesPerSecond?: number;
  readonly parts: readonly { readonly part: string; readonly missing: number; readonly masked: number }[];
  readonly arrays: readonly { readonly name: string; readonly type: string; readonly shape: readonly number[] }[];
  readonly meta: Readonly<Record<string, unknown>>;
  readonly feeds: readonly string[];
  readonly player?: {
    readonly layout: KeypointLayout;
    readonly description: string;
    readonly aspect: number;
    readonly timestamps_ms: readonly number[];
    readonly values: string;
    readonly mask?: string;
  };
}

/** Clips to try a model on. */
export interface Samples {
  readonly source: string;
  readonly samples: readonly { readonly name: string; readonly gloss: string | null }[];
}

/** How much each frame of a clip counts: shares that add up to 1. */
export interface Attention {
  readonly layers: readonly (readonly number[])[];
  /** The mean over the layers. */
  readonly overall: readonly number[];
}

/** Files that are sent together: the app takes more, but the table grows as answers come. */
const TOGETHER = 8;
/** While the app computes, the next clips are on their way. */
const REQUESTS_AT_ONCE = 2;
/** Of one file, as the app reads it. */
const MOST_BYTES = 16 * 1024 * 1024;

/** The models, the default one first. */
export async function fetchModels(): Promise<readonly Model[]> {
  return (await asked<{ readonly models: readonly Model[] }>('/api/models')).models;
}

export async function fetchSamples(model: string): Promise<Samples> {
  return asked(`/api/samples?${new URLSearchParams({ model }).toString()}`);
}

/** A sample as the file that a visitor would have dropped. */
export async function fetchSample(model: string, place: number, name: string): Promise<File> {
  const response = await fetch(`/api/sample?${new URLSearchParams({ model, place: String(place) }).toString()}`);
  if (!response.ok) throw new Error(await problemOf(response));
  return new File([await response.arrayBuffer()], name);
}

/** What is in a clip's file. */
export async function fetchClip(file: File): Promise<ClipView> {
  return asked('/api/clip', formOf([file]));
}

/** How much each frame of a clip counts for what a model sees, by its attention; null of a model without. */
export async function fetchAttention(model: string, file: File): Promise<Attention | null> {
  const address = `/api/attention?${new URLSearchParams({ model }).toString()}`;
  return (await asked<{ readonly attention: Attention | null }>(address, formOf([file]))).attention;
}

/**
 * What a model sees in clips, in their order; called as answers come.
 * @param signal aborted: it ends with the signal's reason, and what was not asked yet is not asked.
 */
export async function predictClips(
  model: string,
  files: readonly File[],
  onAnswers: (answers: readonly Answer[]) => void,
  signal?: AbortSignal,
): Promise<void> {
  const address = `/api/predict?${new URLSearchParams({ model, top_k: '5' }).toString()}`;
  const waiting: Promise<readonly Answer[]>[] = [];
  for (const group of groupsOf(files)) {
    const answers = answersTo(address, group, signal);
    answers.catch(() => undefined); // It is awaited in its turn, where those before it have not failed.
    waiting.push(answers);
    if (waiting.length >= REQUESTS_AT_ONCE) onAnswers(await required(waiting.shift(), 'the request that was made first'));
  }
  for (const answers of waiting) onAnswers(await answers);
}

/** Clips that go together in one request: some, of a size that the app takes. */
function groupsOf(files: readonly File[]): File[][] {
  const groups: File[][] = [];
  let bytes = Infinity;
  for (const file of files) {
    const size = Math.min(file.size, MOST_BYTES);
    const last = groups.at(-1);
    if (last === undefined || last.length === TOGETHER || bytes + size > 2 * MOST_BYTES) {
      groups.push([file]);
      bytes = size;
    } else {
      last.push(file);
      bytes += size;
    }
  }
  return groups;
}

async function answersTo(address: string, files: readonly File[], signal: AbortSignal | undefined): Promise<readonly Answer[]> {
  const refused = ({ name, size }: File): Answer => ({ file: name, error: `${size} bytes (at most ${MOST_BYTES} are read)` });
  const small = files.filter(({ size }) => size <= MOST_BYTES);
  const answers = small.length === 0 ? [] : await predictionsOf(address, small, signal);
  const inTurn = answers.values();
  return files.map((file) => (file.size > MOST_BYTES ? refused(file) : required(inTurn.next().value, `the answer to ${file.name}`)));
}

async function predictionsOf(address: string, files: readonly File[], signal: AbortSignal | undefined): Promise<readonly Answer[]> {
  for (;;) {
    const response = await fetch(address, { ...formOf(files), ...(signal === undefined ? {} : { signal }) });
    const body = (await response.json()) as { readonly predictions?: readonly Answer[]; readonly error?: string };
    if (body.predictions !== undefined) return body.predictions;
    if (response.status !== 503) throw new Error(body.error ?? response.statusText);
    await new Promise((resolve) => setTimeout(resolve, 1000)); // Others have sent too much at once: a second later there is room.
    signal?.throwIfAborted();
  }
}

/** What a model sees in the frames of one clip, the likeliest signs first. */
export async function predictFrames(model: string, frames: readonly (readonly number[])[], topK: number): Promise<Prediction> {
  const address = `/api/predict?${new URLSearchParams({ model, top_k: String(topK) }).toString()}`;
  const headers = { 'content-type': 'application/json' };
  const { predictions } = await asked<{ readonly predictions: readonly Prediction[] }>(address, {
    method: 'POST',
    headers,
    body: JSON.stringify({ frames }),
  });
  return elementAt(predictions, 0);
}

function formOf(files: readonly File[]): RequestInit {
  const body = new FormData();
  for (const file of files) body.append('file', file);
  return { method: 'POST', body };
}

/** What the app answers to a request. @throws Error with the line that says why it was refused. */
export async function asked<Body>(address: string, request?: RequestInit): Promise<Body> {
  const response = await fetch(address, request);
  if (!response.ok) throw new Error(await problemOf(response));
  return (await response.json()) as Body;
}

/** The one line that says why a request was refused. */
async function problemOf(response: Response): Promise<string> {
  const body = (await response.json().catch(() => ({}))) as { readonly error?: string };
  return body.error ?? `the app answered ${response.status} ${response.statusText}`;
}
