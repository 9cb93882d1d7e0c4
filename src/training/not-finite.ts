import { UserError } from '../foundation/errors';
import { counted, listed } from '../foundation/text';
import type { SavedPoint } from './progress';

/** A number that is no longer finite, where a training must stop: what was found, and where in the training. */
export class NotFinite extends Error {}

/** Clips that the message of a step that was not finite names: batches are rarely larger. */
const MOST_CLIPS = 64;

/** Where in a training a step is done, and with which clips. */
export interface StepPlace {
  readonly place: string;
  readonly step: number;
  readonly clips: readonly string[];
}

/** What a training says that stops for such a number, in one line: what happened, what lies on disk, and what to try. */
export function stopForNotFinite(
  error: NotFinite,
  training: {
    readonly learningRate: number;
    readonly file: string;
    readonly lastSaved: SavedPoint | undefined;
    readonly clipsGradient: boolean;
  },
  at: StepPlace | undefined,
): UserError {
  const { learningRate, file, lastSaved, clipsGradient } = training;
  const happened = at === undefined ? error.message : `${error.message} ${at.place}`;
  const clips = at === undefined ? '' : `, at step ${at.step} with the clips ${listed(at.clips, MOST_CLIPS)}`;
  const kept = lastSaved === undefined ? 'nothing is saved yet' : `${file} holds ${stateText(lastSaved)}`;
  const advice = clipsGradient ? 'a lower --lr; a resumed one keeps it' : 'a lower --lr, or with --grad-clip 1; a resumed one keeps both';
  return new UserError(
    `${happened} (learning rate ${learningRate})${clips}; nothing of that was saved: ${kept}. Start a new training with ${advice}`,
    { cause: error },
  );
}

function stateText({ epochs, batches }: SavedPoint): string {
  if (batches > 0) return `the state after ${counted(batches, 'batch', 'batches')} of epoch ${epochs + 1}`;
  return epochs === 0 ? 'the state before the first epoch' : `the state after epoch ${epochs}`;
}
