import { asked, type RankedClass } from './api';

/** The figures of a head; shares are from 0 to 1. */
export interface Figures {
  readonly accuracy: number;
  readonly top_5_accuracy: number;
  readonly f1_weighted: number;
  readonly f1_macro: number;
  readonly accuracy_ci95_low: number;
  readonly accuracy_ci95_high: number;
  readonly expected_calibration_error?: number;
}

/** A model of the list. */
export interface ListedModel {
  readonly name: string;
  readonly type: string;
  readonly version: string | null;
  readonly stage: string;
  readonly epoch: number | null;
  readonly gloss_acc: number | null;
  readonly cat_acc: number | null;
  readonly f1: number | null;
  readonly bytes: number;
  readonly created: string;
  readonly synthetic: boolean;
  readonly best: boolean;
}

/** An epoch of a training. */
export interface CurvePoint {
  readonly epoch: number;
  readonly train_loss: number;
  readonly val_loss: number;
  readonly gloss_acc: number;
  readonly cat_acc: number;
}

/** All that is known of a model. */
export interface ModelView {
  readonly model: ListedModel;
  readonly card: string | null;
  readonly facts: {
    readonly glosses: number;
    readonly categories: number | null;
    readonly parameters: number | null;
    readonly trained_on: { readonly title: string; readonly train_clips: number; readonly validation_clips: number } | null;
    readonly imported_from: string | null;
    readonly follows: string | null;
  } | null;
  readonly evaluation: {
    readonly epoch: number | null;
    readonly data: { readonly title: string; readonly clips: number | null; readonly synthetic: boolean };
    readonly gloss: Figures;
    readonly category: Figures | null;
  } | null;
  readonly curves: readonly CurvePoint[];
  readonly releases: readonly { readonly version: string; readonly created: string; readonly gloss_acc: number }[];
  readonly production: Production | null;
  readonly changelog: readonly { readonly version: string; readonly date: string; readonly text: string }[];
  readonly history: readonly {
    readonly date: string;
    readonly version: string;
    readonly data: string;
    readonly clips: number;
    readonly gloss_acc: number;
    readonly verdict: string;
  }[];
  readonly baseline: string | null;
  readonly baselines: readonly string[];
  readonly next_versions: Readonly<Record<Bump, string>> | null;
  readonly problems: readonly string[];
}

export type Bump = 'major' | 'minor' | 'patch';
export type Head = 'gloss' | 'category';

/** A production checkpoint. */
export interface Production {
  readonly file: string;
  readonly bytes: number;
  readonly dtype: string;
  readonly created: string;
  readonly version: string | null;
}

/** Which classes were taken for which. */
export interface Confusion {
  readonly heads: readonly Head[];
  readonly clips: number;
  readonly classes: readonly ConfusedClass[];
  readonly cells: readonly ConfusionCell[];
}

export interface ConfusedClass {
  readonly id: number;
  readonly label: string;
  /** Clips that show it. */
  readonly clips: number;
  readonly right: number;
}

/** Clips of one class that were taken for one class. */
export interface ConfusionCell {
  readonly truth: number;
  readonly predicted: number;
  readonly clips: number;
}

interface NamedClass {
  readonly id: number;
  readonly label: string;
}

/** A clip that a model was evaluated on, and what it said of it. */
export interface EvaluatedClip {
  readonly place: number;
  readonly file: string;
  readonly gloss: { readonly truth: NamedClass; readonly predicted: NamedClass | null; readonly confidence: number | null };
  readonly likeliest: readonly RankedClass[];
}

interface GlossChange {
  readonly label: string;
  readonly clips: number;
  readonly right_before: number;
  readonly right_now: number;
}

/** Models set against the first of them. */
export interface StoredComparison {
  readonly same_clips: boolean;
  readonly models: readonly { readonly title: string; readonly gloss: Figures; readonly category: Figures | null }[];
  readonly contrasts: readonly {
    readonly title: string;
    readonly verdict: string;
    readonly figures: readonly {
      readonly figure: string;
      readonly before: number;
      readonly now: number;
      readonly larger_is_better: boolean;
    }[];
    readonly improved: readonly GlossChange[];
    readonly regressed: readonly GlossChange[];
  }[];
  readonly shared_clips: number;
  readonly clips: readonly {
    readonly file: string;
    readonly truth: string;
    readonly place: number | null;
    readonly said: readonly { readonly label: string | null; readonly confidence: number | null; readonly correct: boolean }[];
  }[];
  readonly clips_of: string | null;
  readonly warnings: readonly string[];
}

function addressOf(name: string, rest = ''): string {
  return `/api/models/${encodeURIComponent(name)}${rest}`;
}

/** All models, the default one first. */
export async function fetchRegistry(): Promise<readonly ListedModel[]> {
  return (await asked<{ readonly models: readonly ListedModel[] }>('/api/models')).models;
}

export function fetchModel(name: string): Promise<ModelView> {
  return asked(addressOf(name));
}

export function fetchConfusion(name: string, head: Head): Promise<Confusion> {
  return asked(addressOf(name, `/confusion?head=${head}`));
}

/** The clips of an evaluation, or those of a cell. */
export function fetchEvaluatedClips(
  name: string,
  asking: {
    readonly head?: Head;
    readonly truth?: number;
    readonly predicted?: number;
    readonly limit?: number;
    readonly offset?: number;
  } = {},
): Promise<{ readonly total: number; readonly clips: readonly EvaluatedClip[] }> {
  const given = Object.entries(asking).map(([key, value]): [string, string] => [key, String(value)]);
  return asked(addressOf(name, `/clips?${new URLSearchParams(given).toString()}`));
}

/** An evaluated clip as the file that a visitor would have dropped. */
export async function fetchEvaluatedClip(name: string, place: number, file: string): Promise<File> {
  const response = await fetch(addressOf(name, `/clips/${place}`));
  if (!response.ok) {
    const { error } = (await response.json()) as { readonly error: string };
    throw new Error(error);
  }
  return new File([await response.arrayBuffer()], `${file}.npz`);
}

/** Models and releases (`NAME@1.0.0`) by their evaluations. */
export function fetchComparison(titles: readonly string[]): Promise<StoredComparison> {
  return asked(`/api/compare?${new URLSearchParams(titles.map((title) => ['model', title])).toString()}`);
}

/** Something of a model folder that is not as it should be. */
export interface Finding {
  readonly severity: 'problem' | 'remark';
  readonly place: string;
  readonly what: string;
  readonly todo: string;
}

/** What of a model folder is not as it should be. */
export async function fetchFindings(name: string): Promise<readonly Finding[]> {
  return (await asked<{ readonly findings: readonly Finding[] }>(addressOf(name, '/check'))).findings;
}

/** Makes the production checkpoint. */
export function promoteModel(
  name: string,
  dtype: string,
): Promise<{ readonly production: Production; readonly warnings: readonly string[] }> {
  return asked(addressOf(name, '/promote'), json({ dtype }));
}

/** What a release is asked for. */
export interface ReleaseRequest {
  readonly bump: Bump;
  readonly notes: readonly string[];
  readonly allow_regression: boolean;
  readonly tag: boolean;
}

export function releaseModel(
  name: string,
  request: ReleaseRequest,
): Promise<{ readonly version: string; readonly changelog: readonly string[]; readonly warnings: readonly string[] }> {
  return asked(addressOf(name, '/release'), json(request));
}

function json(body: object): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
