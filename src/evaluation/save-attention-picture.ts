import path from 'node:path';
import { writeFileAtomically } from '../foundation/atomic-file';
import { shortLabel } from '../foundation/text';
import { modelEntry } from '../models/model-table';
import { attendedFrames } from './frame-attention';
import type { LoadedModel } from './load-model';
import { titleOfModel } from '../folder/model-folder';
import { drawnOrTold } from './pictures/attempt';
import { attentionPicture } from './pictures/attention-picture';
import { lightTheme } from './pictures/theme';
import type { RankedClass } from './predict';

/** The clip whose attention is wanted, and what the model took it for. */
export interface AttendedClip {
  readonly file: string;
  /** The array in the `.npz` that the model reads. */
  readonly key: string;
  readonly best: RankedClass;
}

/**
 * Draws which frames of a clip counted, as a PNG.
 * @param onWarning is told where it cannot be drawn.
 * @returns whether it is there.
 * @throws UserError where the model has no attention.
 */
export async function saveAttentionPicture(
  picture: string,
  model: LoadedModel,
  { file, key, best }: AttendedClip,
  onWarning: (warning: string) => void,
): Promise<boolean> {
  const shares = await attendedFrames(model, file, key);
  const title = `${shortLabel(path.parse(file).name)}: ${shortLabel(best.label)} (${best.id}), ${(100 * best.probability).toFixed(1)} %`;
  const subtitle = `What ${titleOfModel(model.file, modelEntry(model.name).checkpointName)} attended to; the broken line is an even share`;
  const png = drawnOrTold(picture, () => attentionPicture(title, subtitle, shares, lightTheme), onWarning);
  if (png === undefined) return false;
  writeFileAtomically(picture, (append) => {
    append(png);
  });
  return true;
}
