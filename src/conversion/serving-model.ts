import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { finiteHalves } from '../checkpoint/dtype';
import type { WeightDtype } from '../checkpoint/state-dict';
import { inferenceGraphBytes } from '../engine/captured/inference-graph';
import type { ProgramDefinition } from '../engine/program';
import { hasNativeKernels } from '../engine/raw-operation';
import { tensorNamed } from '../engine/named-tensors';
import { tf } from '../engine/tensorflow';
import { inferenceDefinition } from '../evaluation/inference';
import { savedLabels } from '../evaluation/load-model';
import { UserError } from '../foundation/errors';
import type { Model } from '../models/model';
import { buildFolder } from '../foundation/folders';
import type { ReadExport } from './read-export';

/** The file of labels in a SavedModel's folder `assets`. */
const LABELS_ASSET = 'labels.json';

interface ServingShape {
  readonly dtype: WeightDtype;
  readonly batchSize: number;
  readonly frames: number | undefined;
}

/**
 * Writes a SavedModel for TensorFlow: from `features` `[batch, frames, width]` and `mask` `[batch, frames]` (1 for a frame of the clip, 0 for padding) to logits
 * and probabilities of both heads, the names of the classes as an asset. It is there whole or not at all.
 * @returns what is in it.
 * @throws UserError where the native library is not running, or the model does not take as many frames.
 */
export function writeServingModel(
  out: string,
  { checkpoint, recognised }: ReadExport,
  { dtype, batchSize, frames: asked }: ServingShape,
): string {
  const { model } = recognised;
  const frames = asked ?? model.maxFrames;
  if (frames > model.maxFrames) throw new UserError(`--frames ${frames}: the model takes at most ${model.maxFrames}`);
  if (!hasNativeKernels())
    throw new UserError("a SavedModel is recorded from TensorFlow's native kernels, which are not there; npm run doctor says why");
  const graph = inferenceGraphBytes({
    definition: withProbabilities(inferenceDefinition(model)),
    weights: new Map([...checkpoint.model].map(([name, { values }]) => [name, values])),
    narrow: dtype === 'float32' ? undefined : { dtype, convert: (name, values) => finiteHalves(name, dtype, values) },
    inputs: { features: [batchSize, frames, model.width], mask: [batchSize, frames] },
    asset: LABELS_ASSET,
  });
  buildFolder(out, (folder) => {
    writeFileSync(path.join(folder, 'saved_model.pb'), graph);
    mkdirSync(path.join(folder, 'assets'));
    writeFileSync(path.join(folder, 'assets', LABELS_ASSET), labelsText(checkpoint.config, model));
  });
  return `the signature serving_default for ${batchSize} × ${frames} frames, weights in ${dtype}, labels in assets/${LABELS_ASSET}`;
}

function withProbabilities({ parameters, evaluate }: ProgramDefinition): ProgramDefinition {
  return {
    parameters,
    evaluate: (weights, inputs) => {
      const outputs = evaluate(weights, inputs);
      return {
        ...outputs,
        gloss_probabilities: tf.softmax(tensorNamed(outputs, 'gloss_logits')),
        category_probabilities: tf.softmax(tensorNamed(outputs, 'category_logits')),
      };
    },
  };
}

function labelsText(config: ReadExport['checkpoint']['config'], model: Model): string {
  const labels = savedLabels(config, model);
  const numbered = (count: number, kind: string): string[] => Array.from({ length: count }, (_, id) => `${kind} ${id}`);
  const document = {
    gloss: labels?.gloss ?? numbered(model.numGloss, 'gloss'),
    category: labels?.category ?? numbered(model.numCategory, 'category'),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
