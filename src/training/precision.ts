import type { Settings } from '../config/model-settings';
import { precisionHere, type GainSources } from '../engine/bfloat16-gains';
import { gainsText, precisionText, productKinds, winningProducts, type ChosenPrecision, type ProductKind } from '../engine/precision';
import type { ResumePoint } from './resume';
import type { TrainingContext } from './run';
import { BFLOAT16_PRODUCTS } from './training-folder';

/**
 * What a run's matrix products are computed in. A run that is gone on with keeps what it was trained in, so that it goes on bit for bit; that another machine would choose
 * otherwise is told.
 */
export async function precisionOf(
  { amp, compile_model, deterministic }: Settings,
  resume: ResumePoint | undefined,
  context: Pick<TrainingContext, 'report' | keyof GainSources>,
): Promise<ChosenPrecision> {
  const kept = resume && keptPrecision(resume);
  const precision = await precisionHere(amp, { captured: compile_model, deterministic, kept }, context);
  const { because, gains } = precision;
  if (because === 'kept' && gains !== undefined && winningProducts(gains).join() !== precision.bfloat16.join())
    context.report({
      kind: 'note',
      text: `amp: ${precisionText(precision)}; begun on this machine it would be another: in bfloat16 ${gainsText(gains)}`,
    });
  return precision;
}

/** What a run was trained in so far; undefined where it was not asked for low precision, or another program trained it. */
function keptPrecision({ checkpoint: { config, args }, stated }: ResumePoint): readonly ProductKind[] | undefined {
  const kept = config[BFLOAT16_PRODUCTS];
  if (Array.isArray(kept)) return productKinds.filter((kind) => kept.includes(kind));
  // Before it was measured what pays, all products were computed in bfloat16.
  return stated === undefined && args?.['amp'] === true ? productKinds : undefined;
}
