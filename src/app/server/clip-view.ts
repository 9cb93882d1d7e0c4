import { layoutInWords, type KeypointLayout } from '../../config/keypoint-layout';
import { npzOf } from '../../data/npz';
import { shownClipOf, type ClipFacts } from '../../evaluation/shown-clip';
import { ownModels, type ModelDefinitions } from '../../models/model-table';
import { RequestProblem } from './problem';
import type { UploadedClip } from './uploads';

/** What a page needs to show a clip: its facts, and its key points to play them. */
export interface ClipView extends Omit<ClipFacts, 'file' | 'picture' | 'keypoints'> {
  readonly name: string;
  /** The models that the file's arrays can feed, by the names of their kinds. */
  readonly feeds: readonly string[];
  /** Undefined where there are no key points to draw. */
  readonly player: Player | undefined;
}

interface Player {
  readonly layout: KeypointLayout;
  readonly description: string;
  /** Of the picture that the numbers are shares of: its width by its height. */
  readonly aspect: number;
  readonly timestamps_ms: readonly number[];
  /** float32 `[frames, width]`, little-endian, as base64. */
  readonly values: string;
  /** A byte a point, `[frames, points]`, 0 where it was not seen, as base64; undefined where the file does not say. */
  readonly mask: string | undefined;
}

/**
 * What is in a clip that came as a file.
 * @throws RequestProblem where it came as values, FileError where the file cannot be read.
 */
export async function clipView({ name, content }: UploadedClip, models: ModelDefinitions = ownModels): Promise<ClipView> {
  if (content instanceof Float32Array) throw new RequestProblem(400, 'expected a form with one field "file", a clip as .npz');
  const arrays = await npzOf(name, Buffer.from(content.buffer, content.byteOffset, content.byteLength));
  const { facts, shown } = await shownClipOf(arrays, { kp_key: 'X', aspect: undefined });
  const { gloss, frames, seconds, framesPerSecond, parts, arrays: listed, meta } = facts;
  const player = shown && {
    layout: shown.layout,
    description: layoutInWords(shown.layout),
    aspect: shown.aspect,
    timestamps_ms: shown.timestampsMs,
    values: Buffer.from(shown.values.buffer, shown.values.byteOffset, shown.values.byteLength).toString('base64'),
    mask: shown.mask === undefined ? undefined : Buffer.from(Uint8Array.from(shown.mask)).toString('base64'),
  };
  return { name, gloss, frames, seconds, framesPerSecond, parts, arrays: listed, meta, feeds: fedBy(listed, models), player };
}

/** The kinds of models that take one of the arrays: by its name and its numbers a frame. */
function fedBy(arrays: ClipFacts['arrays'], models: ModelDefinitions): string[] {
  return models.names.filter((kind) => {
    const { usualClips, width, keypoints } = models.get(kind);
    const array = arrays.find(({ name }) => name === usualClips.key);
    return array?.shape.length === 2 && (keypoints === 'of the data' || array.shape[1] === width);
  });
}
