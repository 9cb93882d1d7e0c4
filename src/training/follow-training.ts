import { setTimeout } from 'node:timers/promises';
import type { EpochDone, TrainingNote } from './events';
import { lookAtTraining, type EpochRunning, type FollowedEnd, type SeenTraining } from './look-at-training';

/** Something that is seen of a training in another process. */
export type FollowedEvent = TrainingFound | EpochDone | EpochRunning | (TrainingNote & { readonly kind: 'warning' });

/** The training that is followed. */
export interface TrainingFound {
  readonly kind: 'found';
  readonly name: string;
  readonly folder: string;
  readonly epochs: number;
  readonly classes: { readonly gloss: number; readonly category: number };
}

/** What following one comes to. */
export interface FollowedTraining {
  readonly end: FollowedEnd;
  readonly completedEpochs: number;
  readonly epochs: number;
  /** The best epoch of this folder; undefined where none has ended. */
  readonly best: { readonly epoch: number; readonly glossAccuracy: number } | undefined;
}

/** How a training is followed. */
export interface FollowOptions {
  readonly onEvent?: (event: FollowedEvent) => void;
  /** Aborted where nobody looks any more; the training itself goes on. */
  readonly signal?: AbortSignal;
  /** Milliseconds between two looks. */
  readonly interval?: number;
}

/**
 * Follows a training that runs in another process by what it writes into its model folder, and changes nothing: the epochs that are done are told first, then each one when it
 * ends. One that runs no more is told too.
 * @returns how it ended; undefined where `signal` was aborted before.
 * @throws UserError where the folder is not that of a training.
 */
export async function followTraining(folder: string, options: FollowOptions = {}): Promise<FollowedTraining | undefined> {
  const { onEvent = () => undefined, signal, interval = 500 } = options;
  const { name, epochs, classes } = lookAtTraining(folder);
  onEvent({ kind: 'found', name, folder, epochs, classes });
  const whatIsNew = newsOfTraining();
  for (;;) {
    const seen = lookAtTraining(folder);
    for (const event of whatIsNew(seen)) onEvent(event);
    if (seen.end !== undefined) return followed(seen, seen.end);
    if (seen.running !== undefined) onEvent(seen.running);
    if (!(await waited(interval, signal))) return undefined;
  }
}

/** Tells of each look at a training what the looks before had not: epochs that ended, and between them what happened to it. */
export function newsOfTraining(): (seen: SeenTraining) => (EpochDone | (TrainingNote & { readonly kind: 'warning' }))[] {
  let told = 0;
  let incidentsTold = 0;
  return ({ done, incidents }) => {
    const news: (EpochDone | (TrainingNote & { readonly kind: 'warning' }))[] = [];
    const tellIncidents = (until: number): void => {
      for (const { after_epoch, text } of incidents.slice(incidentsTold)) {
        if (after_epoch >= until) break;
        news.push({ kind: 'warning', text });
        incidentsTold++;
      }
    };
    for (const epoch of done) {
      if (epoch.epoch <= told) continue;
      tellIncidents(epoch.epoch);
      news.push(epoch);
    }
    tellIncidents(Infinity);
    // Fewer than before where a killed training goes on from its last checkpoint.
    told = done.at(-1)?.epoch ?? 0;
    incidentsTold = incidents.length;
    return news;
  };
}

function followed({ done, epochs }: SeenTraining, end: FollowedEnd): FollowedTraining {
  const last = done.at(-1);
  const best = done.findLast((epoch) => epoch.best);
  return {
    end,
    completedEpochs: last?.epoch ?? 0,
    epochs,
    best: best === undefined ? undefined : { epoch: best.epoch, glossAccuracy: best.glossAccuracy },
  };
}

/** @returns whether the time has passed; false where it was cut short. */
async function waited(milliseconds: number, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal });
    return true;
  } catch {
    return false;
  }
}
