import { UserError } from '../../foundation/errors';
import { dataFlags, optionalText, jsonFlag, type FlagTable } from '../flags';
import { registryFlags } from './registry-flags';

/** The types of a production checkpoint's weights. */
const DTYPES = ['float32', 'float16'] as const;

/** Flags of the commands that write a production checkpoint and evaluate it. */
export const productionFlags = {
  data: {
    string: true,
    group: 'Data:',
    description: 'Folder laid out as for training. Without any data flag: the data that the model was trained with.',
  },
  ...dataFlags,
  ...registryFlags,
  ...jsonFlag,
} as const satisfies FlagTable;

/** @throws UserError where `--dtype` is none of the types that there are. */
export function dtypeOf(typed: Readonly<Record<string, unknown>>): (typeof DTYPES)[number] | undefined {
  const text = optionalText(typed, 'dtype');
  const dtype = DTYPES.find((candidate) => candidate === text);
  if (text === undefined || dtype !== undefined) return dtype;
  throw new UserError(`--dtype: expected ${DTYPES.join(' or ')}, found "${text}"`);
}
