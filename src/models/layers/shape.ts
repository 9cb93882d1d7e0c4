import type { tf } from '../../engine/tensorflow';

/** The shape of a tensor of two dimensions. @throws Error where it has another number of them. */
export function shape2({ shape }: tf.Tensor): readonly [number, number] {
  const [first, second, ...more] = shape;
  if (first === undefined || second === undefined || more.length > 0)
    throw new Error(`expected two dimensions, found [${shape.join(', ')}]`);
  return [first, second];
}

/** The shape of a tensor of three dimensions, as `[batch, frames, width]`. @throws Error where it has another number of them. */
export function shape3({ shape }: tf.Tensor): readonly [number, number, number] {
  const [first, second, third, ...more] = shape;
  if (first === undefined || second === undefined || third === undefined || more.length > 0)
    throw new Error(`expected three dimensions, found [${shape.join(', ')}]`);
  return [first, second, third];
}
