import { statSync } from 'node:fs';
import path from 'node:path';
import { resolveLayers } from '../../config/resolve';
import { readSettingsFile } from '../../config/settings-file';
import { FileError } from '../../data/data-error';
import { demoSetOfWidth } from '../../data/demo/sets';
import { locateClips } from '../../data/locate-clips';
import { locateData, type DataNeeds } from '../../data/locate-data';
import { formatNpz } from '../../data/npz';
import { readPlace } from '../../data/places';
import { readPredictions, type StoredPrediction } from '../../evaluation/results/stored-predictions';
import { RESULT_FILES } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { UserError } from '../../foundation/errors';
import { elementAt, required } from '../../foundation/required';
import type { ClipLocation } from '../../models/clips';
import { ownModels } from '../../models/model-table';
import { evaluationIn, type RegisteredModel } from '../../zoo/registered-models';
import { LIMITS } from './options';
import { RequestProblem } from './problem';

/** Tables that are kept in memory: a visitor asks for one cell after the other. */
const MOST_KEPT = 4;

const kept = new Map<string, { readonly state: string; readonly predictions: readonly StoredPrediction[] }>();

/**
 * What a model said of each clip that it was evaluated on, in the order of the evaluation.
 * @throws RequestProblem where it has not been evaluated, UserError where that cannot be read.
 */
export function storedPredictions({ name, folder }: RegisteredModel): readonly StoredPrediction[] {
  const file = path.join(new ModelFolder(folder).results, RESULT_FILES.predictions);
  const there = statSync(file, { throwIfNoEntry: false });
  if (there === undefined)
    throw new RequestProblem(
      404,
      `${name}: it has not been evaluated yet; npm run evaluate -- ${name} does it, and this page shows it then`,
    );
  const state = `${there.mtimeMs} ${there.size} ${there.ino}`;
  const known = kept.get(file);
  if (known?.state === state) return known.predictions;
  const predictions = readPredictions(file);
  kept.delete(file);
  kept.set(file, { state, predictions });
  for (const oldest of [...kept.keys()].slice(0, -MOST_KEPT)) kept.delete(oldest);
  return predictions;
}

/** A clip's file. */
export interface ClipFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * A clip that a model was evaluated on, from where it lay then: the data folder, or the demo set.
 * @param place among all clips of the evaluation, from 0.
 * @throws RequestProblem where there is no such clip, or it lies there no more.
 */
export async function evaluatedClip(model: RegisteredModel, place: number): Promise<ClipFile> {
  const predictions = storedPredictions(model);
  const clip = predictions[place];
  if (clip === undefined)
    throw new RequestProblem(404, `clip: ${model.name} was evaluated on ${predictions.length} clips, from 0; found ${place}`);
  const trained = trainedWith(model);
  const source = evaluatedOn(model, trained);
  const bytes = source === undefined ? demoClip(trained, clip.file) : await clipOf({ ...trained, source }, clip.file);
  return { name: `${path.posix.basename(clip.file)}.npz`, bytes };
}

interface TrainedWith {
  readonly location: ClipLocation;
  readonly width: number;
  readonly seed: number;
  readonly validationShare: DataNeeds['validationShare'];
}

/** What a model folder's `config.json` says of the clips that it was trained with. */
function trainedWith({ name, folder, models = ownModels }: RegisteredModel): TrainedWith {
  const files = new ModelFolder(folder);
  const definition = models.find(files.readConfig().model);
  if (definition === undefined)
    throw new RequestProblem(404, `${name}: this app does not have the code of its model, so its clips cannot be shown`);
  const { settings } = resolveLayers([readSettingsFile(files.config)], models);
  return {
    location: definition.clipLocation(settings),
    width: definition.width,
    seed: settings.seed,
    validationShare: settings.val_share === null ? undefined : { refuseOwn: false },
  };
}

/** Where the clips of a model's evaluation lay; undefined for the demo set. */
function evaluatedOn({ folder }: RegisteredModel, { location }: TrainedWith): ClipLocation['source'] {
  const on = evaluationIn(folder)?.data;
  const own = new ModelFolder(folder).readConfig().run.data;
  const isOwn = on === undefined || on.fingerprint === own?.validation_fingerprint || on.title === own?.title;
  return isOwn ? location.source : { folder: on.title };
}

/** @throws RequestProblem where the clip is not there, or is none that can be sent. */
async function clipOf(
  { location, validationShare, source }: TrainedWith & { readonly source: NonNullable<ClipLocation['source']> },
  name: string,
): Promise<Uint8Array> {
  try {
    const { validation, train } = await locateData(source, { layout: location.layout, needTrain: false, validationShare });
    const split = required(validation ?? train, 'the clips of the evaluation');
    const label = { name, gloss: 0, category: 0, occluded: undefined, line: 0 };
    const { clips } = await locateClips(split.folder, split.labels, [label]);
    const { file, missing } = elementAt(clips, 0);
    refuseOutside(split.folder, file);
    if (missing !== undefined || !file.endsWith('.npz'))
      throw new RequestProblem(404, `${name}: there is no such .npz in ${split.folder} any more`);
    return await readPlace(file, LIMITS.fileBytes, 'it is too large to be shown');
  } catch (error) {
    if (error instanceof RequestProblem || !(error instanceof UserError || error instanceof FileError)) throw error;
    throw new RequestProblem(404, `${name}: the clips no longer lie where they were evaluated (${firstLine(error)})`);
  }
}

function firstLine({ message }: Error): string {
  return message.split('\n')[0] ?? message;
}

/** A name in a table leads to no file outside of the clips' folder. */
function refuseOutside(folder: string, file: string): void {
  const inner = path.relative(path.resolve(folder), path.resolve(file));
  if (inner.startsWith('..') || path.isAbsolute(inner)) throw new RequestProblem(404, 'clip: it lies outside of the folder of its data');
}

/** A clip of the demo set, which is made anew. */
function demoClip({ width, seed }: TrainedWith, name: string): Uint8Array {
  const set = demoSetOfWidth(width);
  const { validation, labels } = set.dataset({ seed, clipsPerGloss: 1 });
  const place = validation.entries.findIndex((entry) => entry.name === name);
  const entry = validation.entries[place];
  if (entry === undefined) throw new RequestProblem(404, `${name}: the demo set has no such clip; another version of Kumpas made it`);
  const values = elementAt(required(validation.values, 'the values of the demo set'), place);
  return formatNpz(set.clipArrays(entry, values, labels));
}
