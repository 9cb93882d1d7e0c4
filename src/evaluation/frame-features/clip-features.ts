import type { ClipReader } from '../../data/clip';
import { readPictures } from '../../data/pictures';
import type { LoadedModel } from '../load-model';
import { PictureFeatures } from './encode-pictures';

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
