import { createHash } from 'node:crypto';
import { refuseNotFinite } from '../../checkpoint/state-dict';
import { readWeights } from '../../checkpoint/training-checkpoint';
import type { ClipReader } from '../../data/clip';
import { readPictures } from '../../data/pictures';
import { createProgram, type ProgramOptions } from '../../engine/create-program';
import { type ParameterValues, tensorNamed, valuesNamed } from '../../engine/parameters';
import type { Program } from '../../engine/program';
import { UserError } from '../../foundation/errors';
import { countNotFinite } from '../../foundation/required';
import { pickBackbone } from '../../models/inception/backbone';
import { frozenEncoder } from '../../models/inception/inception-gru';
import type { PictureEncoder, PretrainedWeights, ShapedValues } from '../../models/model';
import type { LoadedModel } from '../loaded-model';

/** Pictures that go through the network at once. */
export const PICTURES_AT_ONCE = 16;

/** A picture encoder at work: pictures in, features out. */
export class PictureFeatures {
  /** Tells features of these weights from those of others. */
  readonly digest: string;
  private readonly program: Program;

  /**
   * @param weights the model's, of which the encoder makes its own once.
   * @throws UserError where what it makes of them is not finite, as of a negative running variance.
   */
  constructor(
    readonly encoder: PictureEncoder,
    weights: ParameterValues,
    options: ProgramOptions,
  ) {
    const prepared = encoder.prepare(weights);
    refuseNotFinite(prepared, 'the backbone');
    this.digest = digestOf(encoder, prepared);
    this.program = createProgram(
      {
        parameters: encoder.parameters,
        evaluate: (parameters, inputs) => ({ features: encoder.encode(parameters, tensorNamed(inputs, 'pixels')) }),
      },
      prepared,
      options,
    );
  }

  /**
   * The features of pictures, `[pictures, width]`.
   * @param pixels `[pictures, side, side, 3]`, from 0 to 255.
   * @throws UserError where a feature is not finite: the weights are too large.
   */
  encode(pixels: Uint8Array): Float32Array {
    const { side, width } = this.encoder;
    const size = side * side * 3;
    const count = pixels.length / size;
    const features = new Float32Array(count * width);
    for (let start = 0; start < count; start += PICTURES_AT_ONCE) {
      const end = Math.min(count, start + PICTURES_AT_ONCE);
      const values = new Float32Array(PICTURES_AT_ONCE * size);
      values.set(pixels.subarray(start * size, end * size));
      const outputs = this.program.evaluate({ pixels: { shape: [PICTURES_AT_ONCE, side, side, 3], values } });
      features.set((valuesNamed(outputs, 'features') as Float32Array).subarray(0, (end - start) * width), start * width);
    }
    if (countNotFinite(features) > 0)
      throw new UserError('the backbone gives features for it that are not finite (NaN or infinite): its weights are too large');
    return features;
  }

  dispose(): void {
    this.program.dispose();
  }
}

function digestOf({ identity }: PictureEncoder, prepared: ParameterValues): string {
  const hash = createHash('sha256').update(identity);
  for (const [name, { buffer, byteOffset, byteLength }] of prepared)
    hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex').slice(0, 32);
}

/** Reads clips of pictures as what a model sees of them, frame by frame: its own encoder's features. */
export interface ClipFeatures {
  readonly read: ClipReader;
  /** Frees the encoder. */
  readonly dispose: () => void;
}

/**
 * The reader of a model's clips of pictures, each an `.npz` or a folder.
 * @param key the array of an `.npz` that holds frames.
 * @throws Error where the model has no encoder of pictures: a bug.
 */
export function clipFeatures({ model, weights }: LoadedModel, key: string): ClipFeatures {
  if (model.pictureEncoder === undefined) throw new Error('the model has no encoder of pictures');
  const { side, width } = model.pictureEncoder;
  const features = new PictureFeatures(model.pictureEncoder, weights, { mode: 'captured' });
  return {
    read: async (clip) => {
      const values = features.encode(await readPictures(clip, { key, side }));
      return { frames: values.length / width, values };
    },
    dispose: () => {
      features.dispose();
    },
  };
}

/**
 * Reads weights that a training starts with, or an encoder is made of.
 * @throws UserError naming the file and what is wrong with it.
 */
export function readPretrained({ file, pick }: Pick<PretrainedWeights, 'file' | 'pick'>): ParameterValues {
  const picked = pickFrom(readWeights(file).model, { file, pick });
  refuseNotFinite(picked, file);
  return picked;
}

function pickFrom(weights: ReadonlyMap<string, ShapedValues>, { file, pick }: Pick<PretrainedWeights, 'file' | 'pick'>): ParameterValues {
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
