import type { TransformDescription } from './data-settings';
import { onOrOff, setting } from './setting';

const group = 'Data';

/** What a model of key points may see beside their positions. */
export const derivedInputSettings = {
  motion: setting(onOrOff(), false, {
    group,
    description:
      'Gives the model the velocity of each key point beside its position: how far it came since the frame before. Saved with the model.',
  }),
  bones: setting(onOrOff(), false, {
    group,
    description:
      'Gives the model the bones of the skeleton as vectors, from key point to key point, as pictures draw them. Saved with the model.',
  }),
  missingness: setting(onOrOff(), false, {
    group,
    description: 'Tells the model of each key point whether it is missing (1) or was found (0). Saved with the model.',
  }),
} as const;

/** Which of them are asked for. */
export type DerivedInputs = Readonly<Record<keyof typeof derivedInputSettings, boolean>>;

/** Their names, in the order in which they stand in a frame, behind the positions. */
export const DERIVED_INPUTS = ['motion', 'bones', 'missingness'] as const satisfies readonly (keyof DerivedInputs)[];

/** What the transform is called that computes them. */
export const DERIVED_INPUTS_TRANSFORM = 'derived_inputs';

/** The transform that computes them, as `{ name: 'derived_inputs', motion: true }`; none where none of them is asked for. */
export function derivedInputs(wanted: DerivedInputs): TransformDescription[] {
  const names = DERIVED_INPUTS.filter((name) => wanted[name]);
  if (names.length === 0) return [];
  return [{ name: DERIVED_INPUTS_TRANSFORM, ...Object.fromEntries(names.map((name) => [name, true])) }];
}

/** Which of them a model's transforms compute. */
export function derivedInputsOf(transforms: readonly TransformDescription[]): DerivedInputs {
  const found = transforms.find(({ name }) => name === DERIVED_INPUTS_TRANSFORM);
  return { motion: found?.['motion'] === true, bones: found?.['bones'] === true, missingness: found?.['missingness'] === true };
}
