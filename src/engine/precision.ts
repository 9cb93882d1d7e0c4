/**
 * Matrix products that a processor may treat differently: of many rows with a weight, as those of linear layers; of few rows, as those of a classifier's head; and of
 * many small matrices at once, as those of attention.
 */
export const productKinds = ['large', 'small', 'batched'] as const;
export type ProductKind = (typeof productKinds)[number];

/** Of each kind of matrix product, how many times as fast as in float32 it is in bfloat16, casts included: above 1 where bfloat16 wins. */
export type Bfloat16Gains = Readonly<Record<ProductKind, number>>;

/** What `amp` asks for: float32; bfloat16 where this machine gains by it; or bfloat16 whatever it costs. */
export type AskedPrecision = boolean | 'force';

/** What matrix products are computed in, and why. */
export interface ChosenPrecision {
  readonly asked: AskedPrecision;
  /** The kinds of products that are computed in bfloat16. */
  readonly bfloat16: readonly ProductKind[];
  /** `kept`: by the run that goes on. `eager`: nothing is captured, as on tfjs's JavaScript backend, and what is not is computed in float32. */
  readonly because: 'not asked' | 'forced' | 'measured' | 'deterministic' | 'kept' | 'eager';
  /** What this machine was measured to gain; absent where that was of no account. */
  readonly gains?: Bfloat16Gains;
}

/** What a choice depends on beside what is asked for. */
export interface PrecisionCircumstances {
  /** Whether computations are captured as graphs. */
  readonly captured: boolean;
  /** Whether two machines are to compute the same: then no measurement may decide. */
  readonly deterministic?: boolean;
  /** What the run that goes on was trained with. */
  readonly kept?: readonly ProductKind[] | undefined;
}

/** A kind of product pays where its own gain is at least this: what was measured in a twentieth of a second is not told more exactly. */
const WORTH_CASTING = 1.1;

export function isWorthCasting(gain: number): boolean {
  return gain >= WORTH_CASTING;
}

/** The kinds of products that a machine gains by. */
export function winningProducts(gains: Bfloat16Gains): ProductKind[] {
  return productKinds.filter((kind) => isWorthCasting(gains[kind]));
}

/** What is computed in bfloat16, given how this machine is measured (only where that decides, or tells whether a kept choice would be another one). */
export function choosePrecision(
  asked: AskedPrecision,
  { captured, deterministic = false, kept }: PrecisionCircumstances,
  measure: () => Bfloat16Gains,
): ChosenPrecision {
  if (asked === false) return { asked, bfloat16: [], because: 'not asked' };
  if (!captured) return { asked, bfloat16: [], because: 'eager' };
  if (asked === 'force') return { asked, bfloat16: productKinds, because: 'forced' };
  if (deterministic) return { asked, bfloat16: kept ?? [], because: kept === undefined ? 'deterministic' : 'kept' };
  const gains = measure();
  return kept === undefined
    ? { asked, bfloat16: winningProducts(gains), because: 'measured', gains }
    : { asked, bfloat16: kept, because: 'kept', gains };
}

/** A choice in words, as `float32: in bfloat16 nothing wins on this machine (…)`. */
export function precisionText({ bfloat16, because, gains }: ChosenPrecision): string {
  const computed =
    bfloat16.length === 0
      ? 'float32'
      : bfloat16.length === productKinds.length
        ? 'matrix products in bfloat16'
        : `${bfloat16.join(' and ')} matrix products in bfloat16, others in float32`;
  const measured = gains === undefined ? '' : gainsText(gains);
  switch (because) {
    case 'not asked':
      return computed;
    case 'eager':
      return `${computed}: only what is captured as a graph is computed in bfloat16`;
    case 'forced':
      return `${computed}, as --amp force insists`;
    case 'kept':
      return `${computed}, as the run was trained so far`;
    case 'deterministic':
      return `${computed}: with --deterministic no measurement decides, since machines would differ; --amp force computes in bfloat16 on all of them`;
    case 'measured':
      return bfloat16.length === 0
        ? `${computed}: in bfloat16 nothing wins on this machine (${measured}); --amp force insists`
        : `${computed} (${measured})`;
  }
}

/** `large products run 1.9 times as fast, small ones 0.8, batched ones 1.3`. */
export function gainsText({ large, small, batched }: Bfloat16Gains): string {
  const [first, second, third] = [large, small, batched].map((gain) => gain.toFixed(gain < 0.095 ? 2 : 1));
  return `large products run ${String(first)} times as fast, small ones ${String(second)}, batched ones ${String(third)}`;
}
