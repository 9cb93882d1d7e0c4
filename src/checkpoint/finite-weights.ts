import { countNotFinite } from '../foundation/finite';
import { UserError } from '../foundation/errors';
import { printable } from './malformed-checkpoint';

const MOST_NAMED = 3;

/**
 * Refuses weights with a value that is NaN or infinite: a model of such weights gives no numbers.
 * @param weights values by the name of their tensor.
 * @param place how the message names the file.
 * @throws UserError of one line that names the tensors, and how many values of each are not finite.
 */
export function refuseNotFinite(weights: Iterable<readonly [string, Float32Array]>, place: string): void {
  const broken = [...weights].flatMap(([name, values]): string[] => {
    const count = countNotFinite(values);
    return count === 0 ? [] : [notFiniteText(name, count, values.length)];
  });
  if (broken.length === 0) return;
  const more = broken.length > MOST_NAMED ? `, and ${broken.length - MOST_NAMED} more tensors` : '';
  const named = printable(broken.slice(0, MOST_NAMED).join(', '));
  throw new UserError(
    `${place}: its weights are damaged: values that are not finite (NaN or infinite) in ${named}${more}; take a checkpoint from before`,
  );
}

/** `embedding.weight (1 of 2496 values)`. */
export function notFiniteText(name: string, count: number, values: number): string {
  return `${name} (${count} of ${values} value${values === 1 ? '' : 's'})`;
}
