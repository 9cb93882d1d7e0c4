import type { tf } from '../../engine/tensorflow';

/** The shape of a tensor of two dimensions. @throws Error where it has another number of them. */
export function shape2({ shape }: tf.Tensor): readonly [number, number] {
  const [first, second]: readonly (number | undefined)[] = shape;
  if (first === undefined || second === undefined || shape.length !== 2)
    throw new Error(`expected two dimensions, found [${shape.join(', ')}]`);
  return [first, second];
}

/** The shape of a tensor of three dimensions, as `[batch, frames, width]`. @throws Error where it has another number of them. */
export function shape3({ shape }: tf.Tensor): readonly [number, number, number] {
  const [first, second, third]: readonly (number | undefined)[] = shape;
  if (first === undefined || second === undefined || third === undefined || shape.length !== 3)
    throw new Error(`expected three dimensions, found [${shape.join(', ')}]`);
  return [first, second, third];
}
