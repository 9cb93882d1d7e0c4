import { closeSync, readSync } from 'node:fs';
import { UserError } from '../../foundation/errors';
import { openRegularFile } from '../../foundation/regular-file';
import { parseNpyHeader } from '../npy-header';

/** The header of a `.npy` file ends before it. */
const HEADER_BYTES = 72 * 1024;

/** The shape that the header of a `.npy` file tells, or that it holds Python's objects; undefined where it is no such file. */
export function shapeInFile(file: string): readonly number[] | 'objects' | undefined {
  try {
    const { descr, shape } = parseNpyHeader(startOf(file, HEADER_BYTES));
    return isOfObjects(descr) ? 'objects' : shape;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Whether a type string is that of Python's objects. */
export function isOfObjects(descr: string): boolean {
  return /^\|?O\d?$/.test(descr);
}

/** Whether an array of that shape is one frame: a row of numbers, or points of two to four. */
export function isFrame(shape: readonly number[]): boolean {
  const [first, second, ...further] = shape;
  if (first === undefined || further.length > 1) return false;
  if (second === undefined) return true;
  if (further.length === 1) return first === 1 && isFrame([second, ...further]);
  return first === 1 || (second >= 2 && second <= 4);
}

/** The first bytes of a file. */
export function startOf(file: string, most: number): Buffer {
  const { descriptor, size } = openRegularFile(file);
  try {
    const bytes = Buffer.alloc(Math.min(size, most));
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(descriptor);
  }
}
