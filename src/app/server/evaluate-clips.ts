import { FileError } from '../../data/data-error';
import { npzOf } from '../../data/npz';
import { confusionMatrix, outcomes } from '../../evaluation/confusion';
import { classMetrics, macroAverage, weightedAverage } from '../../evaluation/metrics';
import { isSameSign } from '../../evaluation/same-sign';
import { glossOfClip } from '../../evaluation/shown-clip';
import { elementAt, required } from '../../foundation/required';
import { excerpt, nearestName, printableLine } from '../../foundation/text';
import { likeliest, recogniseClips, unpacking, type AnsweredPredictions, type RefusedClip } from './recognise-clips';
import type { LoadedForUse } from './served-models';
import type { UploadedClip } from './uploads';

type Answer = AnsweredPredictions['predictions'][number];
type Recognised = Exclude<Answer, RefusedClip>;

interface NamedClass {
  readonly id: number;
  readonly label: string;
}

/** What a model sees in a clip whose sign is known. */
interface EvaluatedClip extends Recognised {
  /** The sign that its file names. */
  readonly truth: NamedClass;
  /** The place of that sign among all that the model knows, the likeliest first: 1 where the model is right. */
  readonly rank: number;
}

/** How well a model recognises clips that say their sign. */
export interface EvaluatedClips {
  /** The clips that count: those that can be used and say a sign that the model knows. */
  readonly clips: number;
  readonly metrics: {
    readonly accuracy: number;
    readonly top_5_accuracy: number;
    readonly f1_weighted: number;
    readonly f1_macro: number;
  };
  /** How often clips of a sign were taken for which; what never happened is left out. */
  readonly confusion: readonly { readonly truth: NamedClass; readonly predicted: NamedClass; readonly count: number }[];
  /** A clip each, in their order. */
  readonly predictions: readonly (EvaluatedClip | RefusedClip)[];
}

/**
 * Recognises clips whose files say their sign (`gloss` in their meta), and counts how often that is what the model sees.
 * @param topK classes to name of each clip, most likely first; 0 for all.
 */
export async function evaluateClips(loaded: LoadedForUse, clips: readonly UploadedClip[], topK: number): Promise<EvaluatedClips> {
  const { labels, file: model } = loaded.recogniser;
  const truths = await Promise.all(clips.map((clip) => unpacking.alone(() => truthOf(clip, labels.gloss))));
  const known = clips.filter((_, place) => typeof truths[place] === 'number');
  const answers = (await recogniseClips(loaded, known, 0)).predictions.values();
  const predictions = clips.map(({ name }, place): EvaluatedClip | RefusedClip => {
    const truth = elementAt(truths, place);
    if (typeof truth === 'string') return { file: name, model, error: truth };
    const answer = required(answers.next().value, `the answer to ${name}`);
    if ('error' in answer) return answer;
    const rank = 1 + answer.gloss.findIndex(({ id }) => id === truth);
    const shown = { gloss: likeliest(answer.gloss, topK), category: likeliest(answer.category, topK) };
    return { ...answer, ...shown, truth: classOf(labels.gloss, truth), rank };
  });
  return { ...figuresOf(predictions, labels.gloss), predictions };
}

/** The class that a clip's file names; else why there is none. */
async function truthOf({ name, content }: UploadedClip, labels: readonly string[]): Promise<number | string> {
  if (content instanceof Float32Array) return NO_SIGN;
  try {
    const gloss = await glossOfClip(await npzOf(name, Buffer.from(content.buffer, content.byteOffset, content.byteLength)));
    if (gloss === undefined) return NO_SIGN;
    const shown = printableLine(gloss).normalize();
    const exact = labels.findIndex((label) => label.normalize() === shown);
    const id = exact === -1 ? labels.findIndex((label) => isSameSign(label, shown)) : exact;
    if (id !== -1) return id;
    const nearest = nearestName(shown, labels);
    return `its file says "${excerpt(shown)}", a sign that the model does not know${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
  } catch (error) {
    if (error instanceof FileError) return error.problem;
    throw error;
  }
}

const NO_SIGN = 'its file says no sign: expected "gloss" in its meta';

function figuresOf(
  predictions: EvaluatedClips['predictions'],
  labels: readonly string[],
): Pick<EvaluatedClips, 'clips' | 'metrics' | 'confusion'> {
  const counted = predictions.filter((one): one is EvaluatedClip => !('error' in one));
  const truths = Int32Array.from(counted, ({ truth }) => truth.id);
  const predicted = Int32Array.from(counted, ({ gloss }) => elementAt(gloss, 0).id);
  const perClass = classMetrics(predicted, truths, labels.length);
  const within = (k: number): number => counted.filter(({ rank }) => rank <= k).length / Math.max(1, counted.length);
  return {
    clips: counted.length,
    metrics: {
      accuracy: within(1),
      top_5_accuracy: within(5),
      f1_weighted: weightedAverage(perClass).f1,
      f1_macro: macroAverage(perClass).f1,
    },
    confusion: outcomes(confusionMatrix(predicted, truths, labels.length)).map(({ truth, prediction, count }) => ({
      truth: classOf(labels, truth),
      predicted: classOf(labels, prediction),
      count,
    })),
  };
}

function classOf(labels: readonly string[], id: number): NamedClass {
  return { id, label: elementAt(labels, id) };
}
