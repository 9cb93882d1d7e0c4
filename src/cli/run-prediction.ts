import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { PlainRecord } from '../checkpoint/training-checkpoint';
import { resolveLayers } from '../config/resolve';
import { startRuntime } from '../engine/runtime';
import { loadModel, type LoadedModel } from '../evaluation/load-model';
import { modelFile } from '../evaluation/model-file';
import { predictClips, type Prediction, type RankedClass } from '../evaluation/predict';
import { UserError } from '../foundation/errors';
import { modelEntry } from '../models/model-table';
import type { Terminal } from './command';
import { percentText } from './quantities';

export interface PredictionRequest {
  readonly modelPath: string;
  readonly shape: PlainRecord;
  readonly input: string;
  readonly key: string | undefined;
  readonly topK: number;
  readonly json: boolean;
  readonly verbose: boolean;
}

/**
 * Recognises the sign in each clip and prints what it is.
 * @returns the process's exit code.
 */
export async function runPrediction(request: PredictionRequest, terminal: Terminal): Promise<number> {
  const files = clipsOf(request.input);
  const loaded = loadModel(modelFile(request.modelPath), request.shape);
  const runtime = await startRuntime({ verbose: request.verbose });
  if (runtime.warning !== undefined) terminal.errors.write(`warning: ${runtime.warning}\n`);
  for (const assumption of loaded.assumptions) terminal.errors.write(`note: the checkpoint does not say: ${assumption} was taken\n`);
  const key = request.key ?? keyOf(loaded);
  const predictions = await predictClips(loaded, files, { key, topK: request.topK });
  terminal.output.write(request.json ? `${JSON.stringify({ predictions }, null, 2)}\n` : predictions.map(predictionText).join('\n'));
  return 0;
}

/** The array that the model was trained on; its kind's usual one where the checkpoint does not say. */
function keyOf({ file, name, settings }: LoadedModel): string {
  if (Object.keys(settings).length === 0) return modelEntry(name).usualClips.key;
  const trained = resolveLayers([{ source: file, values: settings }]).settings;
  return modelEntry(trained.model).clipLocation(trained).key;
}

/** @throws UserError where there is no clip. */
function clipsOf(input: string): string[] {
  if (!existsSync(input)) throw new UserError(`--input ${input}: no such file or folder`);
  if (!statSync(input).isDirectory()) return [input];
  const clips = readdirSync(input).filter((name) => name.endsWith('.npz'));
  if (clips.length === 0) throw new UserError(`--input ${input}: the folder holds no .npz clip`);
  return clips.sort().map((name) => path.join(input, name));
}

function predictionText({ file, gloss, category }: Prediction): string {
  const lines = [file, ...rankedLines('gloss', gloss), ...rankedLines('category', category)];
  return `${lines.join('\n')}\n`;
}

function rankedLines(title: string, classes: readonly RankedClass[]): string[] {
  const names = classes.map(({ label, id }) => `${label} (${id})`);
  const widest = Math.max(...names.map((name) => name.length));
  return classes.map(({ probability }, rank) => {
    const heading = rank === 0 ? title : '';
    return `  ${heading.padEnd(10)}${(names[rank] ?? '').padEnd(widest)}  ${percentText(probability).padStart(7)}`;
  });
}
