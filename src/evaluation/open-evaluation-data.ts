import { resolveLayers } from '../config/resolve';
import type { Dataset } from '../data/clip-set';
import { openData, type DataRequest } from '../data/open-data';
import { UserError } from '../foundation/errors';
import { memoryBudget, memoryFacts } from '../foundation/memory-limit';
import type { ClipLocation } from '../models/model-entry';
import { modelEntry } from '../models/model-table';
import { featureCache, openAsFeatures } from './frame-features/open-encoded-data';
import type { LoadedModel } from './load-model';

/** The data to evaluate on, as a user names it; all undefined for the data that the model was trained with. */
export interface EvaluationDataRequest {
  readonly data: string | undefined;
  readonly keypointsVal: string | undefined;
  readonly labelsValCsv: string | undefined;
  readonly labelsReference: string | undefined;
  readonly key: string | undefined;
}

/** Who is told what happens while data is opened. */
export interface DataWatch {
  readonly onWarning: (text: string) => void;
  /** Is told how many clips have been read and checked, of how many. */
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Opens the data that is asked for, or that the model was trained with. Clips that cannot be used are left out, and told. The runtime must have been started.
 * @throws UserError where there is no such data, or no clip of it can be used.
 */
export async function openEvaluationData(loaded: LoadedModel, request: EvaluationDataRequest, watch: DataWatch): Promise<Dataset> {
  const { onWarning, onProgress } = watch;
  const { settings, model, name } = loaded;
  const trained = Object.keys(settings).length === 0 ? undefined : resolveLayers([{ source: loaded.file, values: settings }]).settings;
  const recorded = trained === undefined ? undefined : modelEntry(trained.model).clipLocation(trained);
  const entry = modelEntry(name);
  const source = sourceOf(request) ?? recorded?.source;
  if (source === undefined && loaded.data['title'] === undefined) {
    throw new UserError(`${loaded.file} does not say what it was trained on: give --data, or --keypoints-val and --labels-val-csv`);
  }
  const data: DataRequest = {
    source,
    key: request.key ?? recorded?.key ?? entry.usualClips.key,
    layout: recorded?.layout ?? entry.usualClips.layout,
    width: entry.width,
    demoSeed: trained?.seed ?? 0,
    memoryBudgetBytes: memoryBudget(memoryFacts()),
    needTrain: false,
    leaveOutBroken: true,
    onProgress,
    onWarning,
  };
  // A model that was trained on pictures sees their features; those of its own weights.
  const dataset =
    recorded?.pictures === undefined ? await openData(data) : await openAsFeatures(data, model, loaded.weights, featureCache(process.env));
  for (const { file, problem } of dataset.leftOut) onWarning(`left out: ${file}: ${problem}`);
  if (source === undefined && loaded.data['fingerprint'] !== dataset.fingerprint) {
    // The demo set is made anew each time, and another version of Kumpas may make another one.
    onWarning(`the demo set is not the one that ${loaded.file} was trained on: another version of Kumpas made that`);
  }
  return dataset;
}

function sourceOf({ data, keypointsVal, labelsValCsv, labelsReference }: EvaluationDataRequest): ClipLocation['source'] {
  if (data !== undefined) {
    if (keypointsVal !== undefined || labelsValCsv !== undefined)
      throw new UserError('--data cannot be combined with --keypoints-val and --labels-val-csv');
    return { folder: data };
  }
  if (keypointsVal === undefined && labelsValCsv === undefined) return undefined;
  if (keypointsVal === undefined || labelsValCsv === undefined)
    throw new UserError('--keypoints-val and --labels-val-csv belong together: give both');
  return { keypoints_val: keypointsVal, labels_val_csv: labelsValCsv, labels_reference: labelsReference };
}
