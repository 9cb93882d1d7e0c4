import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { hasCategories } from '../../folder/config-file';
import { ModelFolder } from '../../folder/model-folder';
import { UserError } from '../../foundation/errors';
import { lockState, processHolding } from '../../foundation/folder-lock';
import { nearestName } from '../../foundation/text';
import type { ModelDefinitions } from '../../models/model-table';
import type { EpochDone } from '../../training/events';
import { TRAINING_PURPOSE } from '../../training/folder-claim';
import { lookAtTraining, type SeenTraining } from '../../training/look-at-training';
import { modelsIn } from '../../zoo/registered-models';
import type { EpochFigures, RunSummary } from '../training-answers';
import { RequestProblem } from './problem';

/** A training of the registry, whoever started it. */
export interface Run {
  readonly name: string;
  readonly folder: string;
  /** The model that is trained, `transformer` say. */
  readonly model: string;
  /** When it began, in ISO 8601. */
  readonly created: string;
  /** What its data is called. */
  readonly data: string | undefined;
  /** The folder that its data is in; undefined for the demo set. */
  readonly dataFolder: string | undefined;
  readonly seen: SeenTraining;
  /** The process of this machine that trains it. */
  readonly pid: number | undefined;
}

interface Kept {
  readonly state: string;
  readonly run: Run | undefined;
}

/** The trainings whose folders are in the registry. They are seen by what they write, so that those of a terminal are among them. */
export class Runs {
  /** By folder: one that does not run is read again only where its files have changed. */
  private readonly kept = new Map<string, Kept>();

  constructor(
    readonly root: string,
    private readonly models: ModelDefinitions | undefined,
  ) {}

  /** Those that run first, the newest before the others. */
  list(): Run[] {
    if (!existsSync(this.root)) return [];
    const runs = modelsIn(this.root, this.models).flatMap(({ folder }) => this.look(folder) ?? []);
    const order = ({ seen, created }: Run): string => `${seen.end === undefined ? 1 : 0}${created}`;
    return runs.sort((one, other) => (order(one) < order(other) ? 1 : -1));
  }

  /** @throws RequestProblem where there is no run of that name. */
  find(name: string): Run {
    const runs = this.list();
    const found = runs.find((run) => run.name === name);
    if (found !== undefined) return found;
    const nearest = nearestName(
      name,
      runs.map((run) => run.name),
    );
    const hint = nearest === undefined ? 'GET /api/runs lists them' : `did you mean ${nearest}?`;
    throw new RequestProblem(404, `no training ${JSON.stringify(name.slice(0, 80))}; ${hint}`);
  }

  private look(folder: string): Run | undefined {
    const state = stateOf(folder);
    const known = this.kept.get(folder);
    if (known?.state === state && known.run?.seen.running === undefined) return known.run;
    const run = runIn(folder);
    this.kept.set(folder, { state, run });
    return run;
  }
}

/** What changes when a folder's run does. */
function stateOf(folder: string): string {
  const { config, metrics } = new ModelFolder(folder);
  const stamps = [config, metrics].map((file) => {
    const found = statSync(file, { throwIfNoEntry: false });
    return found === undefined ? 'none' : `${found.mtimeMs} ${found.size}`;
  });
  return [...stamps, lockIn(folder)].join(' · ');
}

function lockIn(folder: string): string {
  try {
    return lockState(folder);
  } catch {
    return 'unreadable';
  }
}

/** Undefined where the folder is none of a training, or cannot be read: `models check` says why. */
function runIn(folder: string): Run | undefined {
  try {
    const { model, run, ...settings } = new ModelFolder(folder).readConfig();
    const holder = processHolding(folder);
    const { data } = settings;
    return {
      name: path.basename(folder),
      folder,
      model,
      created: run.created,
      data: run.data?.title,
      dataFolder: typeof data === 'string' ? data : undefined,
      seen: lookAtTraining(folder),
      pid: holder?.purpose === TRAINING_PURPOSE ? holder.pid : undefined,
    };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** What answers say of a run. */
export function summaryOf({ name, model, created, data, seen }: Run): RunSummary {
  const { epochs, done, classes, running, end } = seen;
  const best = done.findLast((epoch) => epoch.best);
  return {
    name,
    model,
    created,
    data: data ?? null,
    state: end ?? 'running',
    epochs,
    completed_epochs: done.at(-1)?.epoch ?? 0,
    has_categories: hasCategories(classes),
    best: best === undefined ? null : { epoch: best.epoch, gloss_acc: best.glossAccuracy },
    at_work: running === undefined ? null : atWork(running, epochs - (done.at(-1)?.epoch ?? 0)),
  };
}

function atWork(
  { epoch, seconds, secondsAnEpoch }: NonNullable<SeenTraining['running']>,
  epochsLeft: number,
): NonNullable<RunSummary['at_work']> {
  const isTimed = epoch !== undefined && secondsAnEpoch !== undefined;
  return {
    epoch: epoch ?? null,
    share: isTimed ? Math.min(1, Math.round((100 * seconds) / secondsAnEpoch) / 100) : null,
    seconds: Math.round(seconds),
    seconds_left: isTimed ? Math.round(Math.max(0, secondsAnEpoch * epochsLeft - Math.min(seconds, secondsAnEpoch))) : null,
  };
}

/** What answers say of an epoch. */
export function figuresOf(epoch: EpochDone): EpochFigures {
  return {
    epoch: epoch.epoch,
    train_loss: epoch.trainLoss,
    val_loss: epoch.valLoss,
    gloss_acc: epoch.glossAccuracy,
    cat_acc: epoch.categoryAccuracy,
    lr: epoch.learningRate,
    gradient_norm: epoch.gradientNorm,
    memory_mb: epoch.memoryMb,
    seconds: epoch.seconds,
    clips_per_second: epoch.clipsPerSecond,
    best: epoch.best,
  };
}
