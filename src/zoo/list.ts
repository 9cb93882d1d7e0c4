import { UserError } from '../foundation/errors';
import { nearestName } from '../foundation/text';
import type { ModelSummary } from './summary';

/** What models can be listed by. */
export const SORT_KEYS = ['name', 'gloss_acc', 'cat_acc', 'f1', 'created', 'bytes', 'epoch', 'version', 'stage'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** A line of the list. */
export interface ListedModel extends ModelSummary {
  /** Whether none of its type that is not archived, trained with the same clips, recognises more glosses. */
  readonly best: boolean;
}

/** @throws UserError where there is no such key. */
export function sortKey(text: string): SortKey {
  const key = SORT_KEYS.find((candidate) => candidate === text.replaceAll('-', '_'));
  if (key !== undefined) return key;
  const nearest = nearestName(text, SORT_KEYS);
  throw new UserError(
    `--sort: expected ${SORT_KEYS.join(', ')}, found "${text}"${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
  );
}

/** Models in the order that a key asks for, figures and dates from the largest; those without one come last. */
export function listModels(models: readonly ModelSummary[], by: SortKey): ListedModel[] {
  const direction = by === 'name' || by === 'stage' ? 1 : -1;
  const sorted = models.toSorted((one, other) => {
    const [first, second] = [one[by], other[by]];
    if (first === second) return one.name < other.name ? -1 : 1;
    if (first === null || second === null) return first === null ? 1 : -1;
    return (first < second ? -1 : 1) * direction;
  });
  const best = bestAccuracies(models);
  return sorted.map((model) => {
    const { gloss_acc: accuracy, stage } = model;
    return { ...model, best: accuracy !== null && stage !== 'archived' && accuracy >= (best.get(rivalry(model)) ?? 0) };
  });
}

/** The best gloss accuracy of the models that can be compared, by {@link rivalry}. */
function bestAccuracies(models: readonly ModelSummary[]): Map<string, number> {
  const best = new Map<string, number>();
  for (const model of models) {
    if (model.stage === 'archived') continue;
    best.set(rivalry(model), Math.max(best.get(rivalry(model)) ?? 0, model.gloss_acc ?? 0));
  }
  return best;
}

/** The same for models of one type that were trained with the same clips. */
function rivalry({ type, fingerprint }: ModelSummary): string {
  return JSON.stringify([type, fingerprint]);
}
