import type { CheckpointReading } from '../../checkpoint/training-checkpoint';
import type { ModelDefinitions } from '../../models/model-table';
import type { ClusterPlace } from '../cluster/place';
import type { EpochDone, TrainingEnd } from '../events';
import { trainWith, type TrainHooks } from '../train';

/** A trial as its training is asked for, as plain data: it may be sent to another process. */
export interface TrialWork {
  readonly sweep: string;
  readonly id: string;
  /** The sweep's folder. */
  readonly saveDir: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly reading?: CheckpointReading | undefined;
  /** The model folder in which it is gone on with; undefined where it is new. */
  readonly resume: string | undefined;
}

/** What is told of a trial while it is trained. */
export type TrialProgress = EpochDone | { readonly kind: 'warning'; readonly text: string };

/** How a trial is watched and stopped, and what it is given of the machine. */
export type TrialRunHooks = Pick<TrainHooks, 'signal' | 'verbose' | 'cacheFolder' | 'gitCommit'> & {
  /** Where several processes train it together: that of rank 0, which this one is. */
  readonly cluster?: ClusterPlace | undefined;
  readonly models: ModelDefinitions;
  readonly onEvent: (event: TrialProgress) => void;
};

/**
 * Trains a trial in this process, or goes on with it where it was cut.
 * @throws UserError as a training does.
 */
export async function runTrial(work: TrialWork, { onEvent, cluster, ...hooks }: TrialRunHooks): Promise<TrainingEnd> {
  const { sweep, id, saveDir, settings, reading, resume } = work;
  const asked =
    resume === undefined
      ? { settings: { source: `the trial ${id}`, values: { ...settings, save_dir: saveDir, description: id } }, reading }
      : { settings: { source: `the trial ${id}`, values: {} }, resume };
  const { end } = await trainWith(
    { ...asked, cluster },
    {
      ...hooks,
      registry: { sweep: { name: sweep, trial: id } },
      onEvent: (event) => {
        if (event.kind === 'epoch-end') onEvent(event);
        else if (event.kind === 'warning') onEvent({ kind: 'warning', text: event.text });
      },
    },
  );
  return end;
}
