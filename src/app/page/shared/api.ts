import type { KeypointLayout } from '../../../config/keypoint-layout';

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

/** Files that are sent together: the app takes more, but the table grows as answers come. */
const TOGETHER = 8;

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

/** What a model sees in clips, in their order; called as answers come. */
export async function predictClips(model: string, files: readonly File[], onAnswers: (answers: readonly Answer[]) => void): Promise<void> {
  const address = `/api/predict?${new URLSearchParams({ model, top_k: '5' }).toString()}`;
  for (let start = 0; start < files.length; start += TOGETHER) {
    const response = await fetch(address, formOf(files.slice(start, start + TOGETHER)));
    const body = (await response.json()) as { readonly predictions?: readonly Answer[]; readonly error?: string };
    if (body.predictions === undefined) throw new Error(body.error ?? response.statusText);
    onAnswers(body.predictions);
  }
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
