import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { refuseNotFinite } from '../../checkpoint/state-dict';
import { readWeights } from '../../checkpoint/training-checkpoint';
import { UserError } from '../../foundation/errors';
import type { ParameterValues } from '../../engine/parameters';
import type { PretrainedWeights, ShapedValues } from '../../models/model-entry';
import { frozenEncoder } from '../../models/inception/inception-gru';
import { pickBackbone } from '../../models/inception/backbone-weights';
import type { PictureEncoder } from '../../models/model';

/**
 * Reads weights that a training starts with, or an encoder is made of.
 * @throws UserError naming the file and what is wrong with it.
 */
export function readPretrained({ file, pick }: PretrainedWeights): ParameterValues {
  const picked = pickFrom(readWeights(file).model, { file, pick });
  refuseNotFinite(picked, file);
  return picked;
}

function pickFrom(weights: ReadonlyMap<string, ShapedValues>, { file, pick }: PretrainedWeights): ParameterValues {
  try {
    return pick(weights);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

/**
 * InceptionV3 from a file: torchvision's own state_dict, or a checkpoint that holds it.
 * @param transformInput undefined for what the file says of itself, else true: torchvision sets it with ImageNet's weights.
 */
export function encoderOfFile(file: string, transformInput: boolean | undefined): { encoder: PictureEncoder; weights: ParameterValues } {
  const weights = readPretrained({ file, pick: pickBackbone });
  const saved = readWeights(file).config?.['transform_input'];
  return { encoder: frozenEncoder(transformInput ?? saved !== false), weights };
}

/** Where torchvision keeps ImageNet's weights once it has fetched them; undefined where it has not. */
export function fetchedBackbone(environment: NodeJS.ProcessEnv): string | undefined {
  const cache = environment['TORCH_HOME'] ?? path.join(environment['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'torch');
  const folder = path.join(cache, 'hub/checkpoints');
  try {
    const found = readdirSync(folder).find((name) => /^inception_v3_google.*\.pth$/.test(name));
    return found === undefined ? undefined : path.join(folder, found);
  } catch {
    return undefined;
  }
}
