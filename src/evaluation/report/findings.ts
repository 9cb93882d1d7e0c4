import { elementAt } from '../../foundation/required';
import { counted, percent, shortLabel } from '../../foundation/text';
import { confusions } from '../confusion';
import { type HeadResult, occlusionGroups, tellsCategories, type EvaluationResult } from '../result';

/** What a reader should know first, a sentence each. */
export function findings(result: EvaluationResult): string[] {
  const { gloss, category, clips, cutClips, leftOut, model } = result;
  return [
    ...weakClasses(gloss),
    ...frequentConfusions(gloss),
    ...(tellsCategories(result) ? withinCategory(result) : []),
    ...occlusion(result),
    confidence(gloss),
    ...(tellsCategories(result) && category.metrics.accuracy === 1 ? ['Every category is right.'] : []),
    ...(cutClips === 0
      ? []
      : [
          `${counted(cutClips, 'clip was', 'clips were')} longer than ${model.maxFrames} frames and were cut to their first ${model.maxFrames}.`,
        ]),
    ...(leftOut.length === 0
      ? []
      : [
          `${counted(new Set(leftOut.map(({ file }) => file)).size, 'clip was', 'clips were')} left out as unusable: ${[...new Set(leftOut.map(({ file }) => file))].slice(0, 5).join(', ')}.`,
        ]),
    ...(clips.length < 200
      ? [
          `With ${clips.length} clips one clip is ${(100 / clips.length).toFixed(1)} percentage points: look at the interval before you compare.`,
        ]
      : []),
    ...model.assumptions.map((assumption) => `The checkpoint does not say it: ${assumption} was taken.`),
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
    `Of ${wrong.length} wrong glosses ${within.length} stay within the right category, and ${near.length} have the truth in second or third place.`,
  ];
}

function occlusion(result: EvaluationResult): string[] {
  const [hidden, seen] = occlusionGroups(result);
  if (hidden?.accuracy === undefined || seen?.accuracy === undefined) {
    return hidden === undefined || hidden.accuracy !== undefined ? [] : ['The labels call no clip occluded.'];
  }
  return [
    `Gloss accuracy on ${hidden.clips} occluded clips is ${percent(hidden.accuracy.gloss)}, on the ${seen.clips} others ${percent(seen.accuracy.gloss)}.`,
  ];
}

function confidence({ metrics, predictions }: HeadResult): string {
  const mean = predictions.reduce((sum, prediction) => sum + prediction.confidence, 0) / Math.max(1, predictions.length);
  const judgement =
    mean - metrics.accuracy > 0.03
      ? 'too sure of itself'
      : metrics.accuracy - mean > 0.03
        ? 'less sure than it could be'
        : 'about as sure as it is right';
  return `On average it is ${percent(mean, 0)} sure of a gloss and right in ${percent(metrics.accuracy, 0)}: ${judgement}.`;
}
