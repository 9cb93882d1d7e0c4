import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { checkOptions, type OptionsInput } from '../../config/layers';
import type { DataProblem } from '../../data/data-error';
import { startRuntime } from '../../engine/runtime';
import { replaceFile } from '../../foundation/atomic-file';
import { fetchedBackbone } from '../../foundation/caches';
import { UserError } from '../../foundation/errors';
import { keepFolder, makeFolders } from '../../foundation/folders';
import { warningsTo, type Hooks } from '../../foundation/hooks';
import { featuresOptions } from '../options';
import { encodeClips, listPictureClips, type ExtractionResult, type PictureClip } from './encode-clips';
import { encoderOfFile, PictureFeatures } from './picture-features';

/** What {@link extractFeatures} is asked for. */
export type FeaturesOptions = OptionsInput<typeof featuresOptions>;

/** The encoder is there, and the clips are found; the first clip follows. */
export interface ExtractionStarted {
  readonly kind: 'start';
  /** What encodes, as InceptionV3 with its normalisation. */
  readonly encoder: string;
  /** The file of its weights. */
  readonly backbone: string;
  readonly device: string;
  readonly clips: number;
}

/** A clip that could not be used, and why. */
export interface PicturesLeftOut extends DataProblem {
  readonly kind: 'clip-left-out';
}

/** What came of {@link extractFeatures}. */
export interface ExtractedFeatures extends ExtractionResult {
  readonly from: string;
  readonly out: string;
  /** The file of the encoder's weights. */
  readonly backbone: string;
  readonly seconds: number;
}

/**
 * Computes InceptionV3's features of clips of pictures, a file a clip. What is done already is left alone, so that an extraction that was stopped goes on where it
 * was; a clip that cannot be used is left out, which an event says, and the others go on.
 * @throws UserError where there are no clips or no weights, or nothing can be written.
 */
export async function extractFeatures(
  options: FeaturesOptions,
  hooks: Hooks<ExtractionStarted | PicturesLeftOut> = {},
): Promise<ExtractedFeatures> {
  const {
    frames: from,
    out,
    frames_key: framesKey,
    ...given
  } = checkOptions(featuresOptions, {
    source: 'extractFeatures()',
    values: options,
  });
  const clips = clipsOf(from);
  const backbone = given.backbone ?? fetchedBackbone({});
  if (backbone === undefined) {
    throw new UserError(
      "--backbone is missing: give InceptionV3's weights as torchvision saves them; docs/inception.md tells where to get them",
    );
  }
  const { encoder, weights } = encoderOfFile(backbone, given.transform_input);
  const { device, warning } = await startRuntime({ verbose: hooks.verbose === true });
  if (warning !== undefined) warningsTo(hooks)(warning);
  hooks.onEvent?.({ kind: 'start', encoder: encoder.identity, backbone, device, clips: clips.length });
  makeFolders(out);
  const place = keepFolder(out);
  const features = new PictureFeatures(encoder, weights, { mode: 'captured' });
  const started = performance.now();
  try {
    const result = await encodeClips(clips, features, {
      framesKey,
      place,
      fileOf: ({ name }) => path.join(out, `${placeOf(name)}.npz`),
      onProgress: ({ done, clips: total, frames }) => {
        hooks.onEvent?.({ kind: 'clips-computed', done, total, frames });
        hooks.signal?.throwIfAborted();
      },
      onProblem: (problem) => hooks.onEvent?.({ kind: 'clip-left-out', ...problem }),
    });
    place.requireThere();
    copyLabels(from, out);
    return { from, out, backbone, ...result, seconds: (performance.now() - started) / 1000 };
  } finally {
    features.dispose();
    place.release();
  }
}

/** A data folder of frames becomes one of features. */
const PLACES: Readonly<Record<string, string>> = { frames_train: 'features_train', frames_val: 'features_val' };

function placeOf(name: string): string {
  const [first = '', ...rest] = name.split('/');
  return rest.length === 0 ? name : [PLACES[first] ?? first, ...rest].join('/');
}

function clipsOf(folder: string): PictureClip[] {
  const clips = listPictureClips(folder);
  if (clips.length === 0)
    throw new UserError(`--frames ${folder}: no clip is in it; expected an .npz, or a folder of .jpg or .png pictures, for each clip`);
  const twice = clips.find(({ name }, place) => clips[place + 1]?.name === name);
  if (twice !== undefined) throw new UserError(`--frames ${folder}: there are two clips "${twice.name}", an .npz and a folder; keep one`);
  return clips;
}

/** The tables of a data folder are those of its features too. */
function copyLabels(from: string, to: string): void {
  for (const name of readdirSync(from).filter((entry) => entry.endsWith('.csv') && statSync(path.join(from, entry)).isFile())) {
    const copy = path.join(to, name);
    if (existsSync(copy)) continue;
    const bytes = readFileSync(path.join(from, name));
    replaceFile(copy, (append) => {
      append(bytes);
    });
  }
}
