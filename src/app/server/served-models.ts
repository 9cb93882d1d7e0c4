import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { loadModel, type Recogniser } from '../../evaluation/recogniser';
import type { WithModels } from '../../evaluation/recognise';
import { modelFile } from '../../folder/named-checkpoint';
import { ModelFolder } from '../../folder/model-folder';
import type { Hooks } from '../../foundation/hooks';
import { required } from '../../foundation/required';
import { nearestName } from '../../foundation/text';
import {
  listModels,
  modelsIn,
  summariseModel,
  type ListedModel,
  type ModelSummary,
  type RegisteredModel,
} from '../../zoo/registered-models';
import type { CheckedAppOptions } from './options';
import { PredictionQueue } from './prediction-queue';
import { RequestProblem } from './problem';

/** How many models are kept in memory; the one that was used longest ago goes. */
const MOST_LOADED = 3;

/** How long a look into the registry is good for: a look reads files of every model. */
const LOOK_MILLISECONDS = 2000;

/** A model as the app lists it: what the registry says of it, and whether it is in memory. */
export interface ServedModel extends ListedModel {
  /** Whether it answers where a request names no model. */
  readonly is_default: boolean;
  readonly is_loaded: boolean;
}

/** A model in memory, and the queue of what it is to recognise. */
export interface LoadedForUse {
  readonly name: string;
  readonly recogniser: Recogniser;
  readonly queue: PredictionQueue;
}

interface Kept {
  /** Tells the file from what it is after another training wrote it. */
  readonly state: string;
  readonly loading: Promise<LoadedForUse>;
  users: number;
}

/** Where the models are. */
interface Places {
  /** Folders or files that were named; those of the registry where none were. */
  readonly named: readonly string[];
  readonly root: string;
  /** In what they compute. */
  readonly amp: CheckedAppOptions['amp'];
}

/** The models that the app serves, by their names: no request names a path. Those in use are kept in memory. */
export class ServedModels {
  private readonly kept = new Map<string, Kept>();
  private looked: { readonly at: number; readonly models: readonly FoundModel[] } | undefined;

  constructor(
    private readonly places: Places,
    private readonly hooks: Hooks & WithModels,
  ) {}

  /** The models there are now, the default one first. */
  list(): ServedModel[] {
    return this.found().map(({ summary }, place) => ({
      ...summary,
      is_default: place === 0,
      is_loaded: this.kept.has(summary.name),
    }));
  }

  /** The registry. */
  get root(): string {
    return this.places.root;
  }

  /**
   * A model by its name, and its folder; undefined of a file that lies in none.
   * @throws RequestProblem where there is no such model.
   */
  named(name: string): { readonly summary: ServedModel; readonly model: RegisteredModel | undefined } {
    const { place } = this.find(name);
    const folder = folderOf(place);
    const summary = required(
      this.list().find((model) => model.name === name),
      `the summary of ${name}`,
    );
    return { summary, model: folder === undefined ? undefined : { name: nameOfPlace(place), folder, models: this.hooks.models } };
  }

  /** Forgets what was found of the registry: something has changed it. */
  lookAnew(): void {
    this.looked = undefined;
  }

  /**
   * Does something with a model, which stays in memory meanwhile.
   * @param name undefined for the default one.
   * @throws RequestProblem where there is no such model, UserError where it cannot be read.
   */
  async use<Result>(name: string | undefined, work: (model: LoadedForUse) => Promise<Result>): Promise<Result> {
    const kept = this.keep(this.find(name));
    kept.users++;
    try {
      return await work(await kept.loading);
    } finally {
      kept.users--;
      await this.forgetOldest();
    }
  }

  /** Frees all models; nothing may use them any more. */
  async dispose(): Promise<void> {
    const all = [...this.kept.values()];
    this.kept.clear();
    for (const kept of all) await release(kept);
  }

  private keep({ summary: { name }, place }: FoundModel): Kept {
    const file = modelFile(place, name);
    const { mtimeMs, size } = statSync(file);
    const state = `${file} ${mtimeMs} ${size}`;
    const known = this.kept.get(name);
    this.kept.delete(name);
    const kept = known?.state === state ? known : { state, loading: this.load(name, file), users: 0 };
    if (known !== undefined && known !== kept) void releaseUnused(known);
    this.kept.set(name, kept); // As the last: the first is the one that was used longest ago.
    kept.loading.catch(() => {
      if (this.kept.get(name) === kept) this.kept.delete(name);
    });
    return kept;
  }

  private async load(name: string, file: string): Promise<LoadedForUse> {
    const recogniser = await loadModel(file, { amp: this.places.amp }, this.hooks);
    return { name, recogniser, queue: new PredictionQueue(recogniser) };
  }

  private async forgetOldest(): Promise<void> {
    for (const [name, kept] of this.kept) {
      if (this.kept.size <= MOST_LOADED) return;
      if (kept.users > 0) continue;
      this.kept.delete(name);
      await release(kept);
    }
  }

  private find(name: string | undefined): FoundModel {
    const pick = (models: readonly FoundModel[]): FoundModel | undefined =>
      name === undefined ? models[0] : models.find(({ summary }) => summary.name === name);
    const known = pick(this.found());
    if (known !== undefined) return known;
    this.lookAnew(); // It may have been trained a moment ago.
    const models = this.found();
    const found = pick(models);
    if (found !== undefined) return found;
    if (name === undefined)
      throw new RequestProblem(404, `there is no model yet in ${this.places.root}: npm run train -- --model transformer makes one`);
    const names = models.map(({ summary }) => summary.name);
    const nearest = nearestName(name, names);
    throw new RequestProblem(
      404,
      `model: no model ${JSON.stringify(name.slice(0, 80))}; ${nearest === undefined ? 'GET /api/models lists them' : `did you mean ${nearest}?`}`,
    );
  }

  private found(): readonly FoundModel[] {
    const now = performance.now();
    if (this.looked === undefined || now - this.looked.at > LOOK_MILLISECONDS) this.looked = { at: now, models: this.look() };
    return this.looked.models;
  }

  private look(): FoundModel[] {
    const { named, root } = this.places;
    if (named.length > 0) {
      const names = uniqueNames(named.map(nameOfPlace));
      const found = named.map((place, at) => ({ name: required(names[at], 'the name of a model'), place }));
      const listed = listModels(
        found.map(({ name, place }) => summaryOf(name, place)),
        'name',
      );
      return found.map(({ name, place }) => ({
        place,
        summary: required(
          listed.find((model) => model.name === name),
          `the summary of ${name}`,
        ),
      }));
    }
    if (!existsSync(root)) return [];
    const models = this.hooks.models;
    const registered = listModels(modelsIn(root, models).map(summariseModel), 'created');
    return registered.filter(({ stage }) => stage !== 'archived').map((summary) => ({ summary, place: summary.folder }));
  }
}

interface FoundModel {
  readonly summary: ListedModel;
  /** Its folder, or a `.pt` file. */
  readonly place: string;
}

/** Frees a model that another has taken the place of as soon as nobody uses it. */
async function releaseUnused(kept: Kept): Promise<void> {
  while (kept.users > 0) await new Promise((resolve) => setTimeout(resolve, 100));
  await release(kept);
}

async function release({ loading }: Kept): Promise<void> {
  const loaded = await loading.catch(() => undefined); // One that could not be loaded holds nothing.
  loaded?.recogniser.dispose();
}

/** A model folder's name, also of a file in it; else the file's. */
function nameOfPlace(place: string): string {
  const folder = folderOf(place);
  return path.basename(path.resolve(folder ?? place));
}

function folderOf(place: string): string | undefined {
  if (statSync(place, { throwIfNoEntry: false })?.isDirectory() === true) return place;
  const around = path.dirname(place);
  return new ModelFolder(around).hasConfig() ? around : undefined;
}

function uniqueNames(names: readonly string[]): string[] {
  return names.map((name, place) => {
    const before = names.slice(0, place).filter((other) => other === name).length;
    return before === 0 ? name : `${name}-${before + 1}`;
  });
}

/** What is known of a model that was named; of a bare file little is. */
function summaryOf(name: string, place: string): ModelSummary {
  const folder = folderOf(place);
  if (folder !== undefined) return { ...summariseModel({ name: path.basename(path.resolve(folder)), folder }), name };
  const { size, mtime } = statSync(place);
  return {
    name,
    folder: place,
    type: 'unknown',
    version: null,
    stage: 'development',
    epoch: null,
    gloss_acc: null,
    cat_acc: null,
    f1: null,
    bytes: size,
    created: mtime.toISOString(),
    fingerprint: null,
    measured_on: null,
    synthetic: false,
  };
}
