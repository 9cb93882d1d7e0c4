import { shownLabels, type LoadedModel } from '../../evaluation/loaded-model';
import type { LabelNames } from '../../data/clip-set';
import { printableLine } from '../../foundation/text';

/** What whoever uses a model relies on, besides its classes: a change of it is a major one. */
export interface Architecture {
  readonly model: string;
  /** What fixes its shape and what it computes. */
  readonly config: Readonly<Record<string, string | number | boolean | null>>;
  /** The shape of every tensor of its state_dict, by name. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
}

/** The names of classes; position = id. */
export interface ClassNames {
  readonly gloss: readonly string[];
  readonly category: readonly string[];
}

/** What a config says of the training alone: it changes nothing of what a trained model computes. */
const OF_THE_TRAINING: ReadonlySet<string> = new Set(['dropout', 'freeze_backbone']);

/** The architecture of a checkpoint. */
export function architectureOf({ name, model, transforms }: LoadedModel): Architecture {
  return {
    model: name,
    config: {
      ...Object.fromEntries(Object.entries(model.config).filter(([key]) => !OF_THE_TRAINING.has(key))),
      ...(transforms.length === 0 ? {} : { transforms: JSON.stringify(transforms) }),
    },
    tensors: Object.fromEntries(model.parameters.map((parameter) => [parameter.name, parameter.shape])),
  };
}

/** The classes of a checkpoint, by names that it has or that are known otherwise. */
export function classesOf(loaded: LoadedModel, otherwise: LabelNames | undefined): ClassNames {
  const { gloss, category } = shownLabels(loaded, otherwise);
  return { gloss, category };
}

/** What differs between two architectures, in a few words each; nothing where they are the same. */
export function architectureChanges(before: Architecture, after: Architecture): string[] {
  if (before.model !== after.model) return [`model ${before.model} → ${after.model}`];
  const keys = new Set([...Object.keys(before.config), ...Object.keys(after.config)]);
  const settings = [...keys].flatMap((key) => {
    const [was, is] = [before.config[key], after.config[key]];
    return was === is ? [] : [`${key} ${shown(was)} → ${shown(is)}`];
  });
  return [...settings, ...tensorChanges(before.tensors, after.tensors)];
}

/** What differs between two lists of classes. */
export interface ClassChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** The same id under another name. */
  readonly renamed: readonly { readonly id: number; readonly before: string; readonly after: string }[];
  /** The same name under another id. */
  readonly moved: readonly { readonly label: string; readonly before: number; readonly after: number }[];
}

/** Sets two lists of classes against each other. */
export function compareClasses(before: readonly string[], after: readonly string[]): ClassChanges {
  const [old, current] = [new Set(before), new Set(after)];
  const renamed = before.flatMap((label, id) => {
    const now = after[id];
    return now === undefined || now === label || current.has(label) || old.has(now) ? [] : [{ id, before: label, after: now }];
  });
  const from = new Set(renamed.map((change) => change.before));
  const to = new Set(renamed.map((change) => change.after));
  return {
    added: after.filter((label) => !old.has(label) && !to.has(label)),
    removed: before.filter((label) => !current.has(label) && !from.has(label)),
    renamed,
    moved: before.flatMap((label, id) => {
      const now = after.indexOf(label);
      return now === -1 || now === id ? [] : [{ label, before: id, after: now }];
    }),
  };
}

/** What differs between the classes of two models, in a few words each. */
export function classChangeTexts(before: ClassNames, after: ClassNames): string[] {
  return (['gloss', 'category'] as const).flatMap((head) => {
    const { added, removed, renamed, moved } = compareClasses(before[head], after[head]);
    const plural = head === 'gloss' ? 'glosses' : 'categories';
    return [
      ...(added.length === 0 ? [] : [`${plural} added: ${some(added)}`]),
      ...(removed.length === 0 ? [] : [`${plural} removed: ${some(removed)}`]),
      ...(renamed.length === 0 ? [] : [`${plural} renamed: ${some(renamed.map((change) => `${change.before} → ${change.after}`))}`]),
      ...(moved.length === 0 ? [] : [`${plural} with another id: ${some(moved.map(({ label }) => label))}`]),
    ];
  });
}

const MOST_NAMED = 5;

function tensorChanges(before: Architecture['tensors'], after: Architecture['tensors']): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const gone = names.filter((name) => after[name] === undefined);
  const fresh = names.filter((name) => before[name] === undefined);
  const reshaped = names.flatMap((name) => {
    const [was, is] = [before[name], after[name]];
    if (was === undefined || is === undefined || String(was) === String(is)) return [];
    return [`${name} [${was.join(', ')}] → [${is.join(', ')}]`];
  });
  return [
    ...(gone.length === 0 ? [] : [`tensors gone: ${some(gone)}`]),
    ...(fresh.length === 0 ? [] : [`tensors new: ${some(fresh)}`]),
    ...(reshaped.length === 0 ? [] : [`shapes: ${some(reshaped)}`]),
  ];
}

function some(names: readonly string[]): string {
  const listed = names.slice(0, MOST_NAMED).map(printableLine).join(', ');
  return names.length > MOST_NAMED ? `${listed} and ${names.length - MOST_NAMED} more` : listed;
}

function shown(value: Architecture['config'][string] | undefined): string {
  return value === undefined ? 'absent' : printableLine(String(value));
}
