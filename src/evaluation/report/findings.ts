import { elementAt } from '../../foundation/required';
import { counted, percent, shortLabel } from '../../foundation/text';
import { confusions } from '../confusion';
import { type HeadResult, occlusionGroups, tellsCategories, type EvaluationResult } from '../result';
import { noticesOf } from '../results/contents';

/** What a reader should know first, a sentence each. */
export function findings(result: EvaluationResult): string[] {
  const { gloss, category, clips } = result;
  return [
    ...weakClasses(gloss),
    ...frequentConfusions(gloss),
    ...(tellsCategories(result) ? withinCategory(result) : []),
    ...occlusion(result),
    confidence(gloss),
    ...(tellsCategories(result) && category.metrics.accuracy === 1 ? ['Every category is right.'] : []),
    ...noticesOf(result),
    ...(clips.length < 200
      ? [
          `With ${counted(clips.length, 'clip')} one clip is ${(100 / clips.length).toFixed(1)} percentage points: look at the interval before you compare.`,
        ]
      : []),
  ];
}

function weakClasses({ labels, perClass }: HeadResult): string[] {
  const weak = [...perClass.keys()]
    .map((id) => ({ label: elementAt(labels, id), ...elementAt(perClass, id) }))
    .filter(({ support, recall }) => support > 0 && recall < 1)
    .sort((one, other) => one.recall - other.recall || other.support - one.support)
    .slice(0, 5);
  if (weak.length === 0) return ['Every gloss is recognised in every clip.'];
  return [
    `Least recognised glosses: ${weak
      .map(({ label, recall, support }) => `${shortLabel(label)} (${Math.round(recall * support)} of ${support})`)
      .join(', ')}.`,
  ];
}

function frequentConfusions({ labels, confusion }: HeadResult): string[] {
  const found = confusions(confusion).slice(0, 3);
  if (found.length === 0) return [];
  const named = found.map(
    ({ truth, prediction, count }) => `${shortLabel(elementAt(labels, truth))} for ${shortLabel(elementAt(labels, prediction))} (${count})`,
  );
  return [`Most often mistaken: ${named.join(', ')}.`];
}

function withinCategory({ gloss, categoryOfGloss }: EvaluationResult): string[] {
  const wrong = gloss.predictions.filter(({ correct }) => !correct);
  if (wrong.length === 0) return [];
  const within = wrong.filter(
    ({ truth, predicted }) => categoryOfGloss[truth] !== undefined && categoryOfGloss[truth] === categoryOfGloss[predicted],
  );
  const near = wrong.filter(({ rankOfTruth }) => rankOfTruth <= 3);
  return [
    `Of ${counted(wrong.length, 'wrong gloss', 'wrong glosses')} ${within.length} ${within.length === 1 ? 'stays' : 'stay'} within the right category, and ${near.length} ${near.length === 1 ? 'has' : 'have'} the truth in second or third place.`,
  ];
}

function occlusion(result: EvaluationResult): string[] {
  const [hidden, seen] = occlusionGroups(result);
  if (hidden?.accuracy === undefined || seen?.accuracy === undefined) {
    return hidden === undefined || hidden.accuracy !== undefined ? [] : ['The labels call no clip occluded.'];
  }
  return [
    `Gloss accuracy on ${counted(hidden.clips, 'occluded clip')} is ${percent(hidden.accuracy.gloss)}, on the ${counted(seen.clips, 'other')} ${percent(seen.accuracy.gloss)}.`,
  ];
}

/** How far off its confidence may be that is called right. */
const CALIBRATED = 0.05;

/** On average, and in its intervals of confidence: a model that is too sure here and not sure enough there is right on average alone. */
function confidence({ metrics, predictions }: HeadResult): string {
  const mean = predictions.reduce((sum, prediction) => sum + prediction.confidence, 0) / predictions.length;
  const { accuracy, expected_calibration_error: error } = metrics;
  const judgement =
    mean - accuracy > CALIBRATED
      ? 'too sure of itself'
      : accuracy - mean > CALIBRATED
        ? 'less sure than it could be'
        : error > CALIBRATED
          ? 'too sure in some clips and not sure enough in others'
          : 'about as sure as it is right';
  return `On average it is ${percent(mean, 0)} sure of a gloss and right in ${percent(accuracy, 0)}: ${judgement} (expected calibration error ${percent(error)}).`;
}
