import type { TrainingSettings } from '../config/training-settings';

/** How much each head's loss counts. */
export interface LossWeights {
  /** The gloss head's. */
  readonly alpha: number;
  /** The category head's. */
  readonly beta: number;
}

export type CurriculumSettings = Pick<
  TrainingSettings,
  'alpha' | 'beta' | 'curriculum' | 'curriculum_schedule' | 'curriculum_epochs' | 'curriculum_warmup' | 'curriculum_min_weight'
>;

/** Whether the weights of the losses change while a training with these settings runs. @param settings a run's, by key. */
export function changesLossWeights({ curriculum = 'none', loss_weighting = 'static' }: Readonly<Record<string, unknown>>): boolean {
  return curriculum !== 'none' || loss_weighting !== 'static';
}

/** A curriculum: which head begins with most of the weight, and whether some epochs with the weights as they are set come before. */
interface Curriculum {
  readonly first: 'gloss' | 'category';
  readonly warmsUp: boolean;
}

/** The curricula by the word that `--curriculum` takes. A further one is a row here, and its word in config/training-settings.ts. */
const curricula: Readonly<Record<Exclude<CurriculumSettings['curriculum'], 'none'>, Curriculum>> = {
  'gloss-first': { first: 'gloss', warmsUp: false },
  'category-first': { first: 'category', warmsUp: false },
  dynamic: { first: 'category', warmsUp: true },
};

/** How steep the exponential pace is: its speed grows by e² on its way. */
const STEEPNESS = 2;

/** How much of its way from the first weights to the last a curriculum has gone, from 0 to 1, after a share of its epochs. */
const paces: Readonly<Record<CurriculumSettings['curriculum_schedule'], (share: number) => number>> = {
  linear: (share) => share,
  cosine: (share) => (1 - Math.cos(Math.PI * share)) / 2,
  exponential: (share) => Math.expm1(STEEPNESS * share) / Math.expm1(STEEPNESS),
};

/**
 * The weights of both heads' losses in an epoch. Without a curriculum they are `alpha` and `beta`. With one, the head that comes later begins with the share
 * `curriculum_min_weight` of their sum, the other with the rest, and after `curriculum_epochs` both have come to `alpha` and `beta`. It is a function of the epoch
 * alone, so a resumed training goes on with the same weights.
 * @param epoch from 0.
 */
export function lossWeightsAt(epoch: number, settings: CurriculumSettings): LossWeights {
  const { alpha, beta, curriculum, curriculum_schedule, curriculum_epochs, curriculum_warmup, curriculum_min_weight } = settings;
  if (curriculum === 'none') return { alpha, beta };
  const { first, warmsUp } = curricula[curriculum];
  const started = warmsUp ? epoch - curriculum_warmup : epoch;
  if (started < 0 || started >= curriculum_epochs) return { alpha, beta };
  const sum = alpha + beta;
  const least = curriculum_min_weight * sum;
  const done = paces[curriculum_schedule](started / curriculum_epochs);
  const later = least + ((first === 'gloss' ? beta : alpha) - least) * done;
  return first === 'gloss' ? { alpha: sum - later, beta: later } : { alpha: later, beta: sum - later };
}
