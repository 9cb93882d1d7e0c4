/** What InceptionV3 is made of, as what walks through it sees it: tensors for a computation, channel counts to declare parameters. */
export interface BackboneOperations<T> {
  /** Convolution without bias, BatchNorm and relu: torchvision's BasicConv2d. */
  convolution(name: string, x: T, shape: ConvolutionShape): T;
  /** The largest of 3 × 3, each second place, without padding. */
  maxPool(x: T): T;
  /** The mean of 3 × 3 around each place; zeros beyond the edge count, as in `torch.nn.functional.avg_pool2d`. */
  averagePool(x: T): T;
  /** Side by side along the channels. */
  join(parts: readonly T[]): T;
}

export interface ConvolutionShape {
  readonly outputs: number;
  readonly height: number;
  readonly width: number;
  readonly stride: 1 | 2;
  /** Whether zeros are put around, so that a stride of 1 keeps the size. */
  readonly padded: boolean;
}

/** Side of the pictures that InceptionV3 takes, in pixels. */
export const PICTURE_SIZE = 299;

/**
 * Torchvision's InceptionV3 (Szegedy et al. 2016) up to the last block: from `[frames, 299, 299, 3]` to `[frames, 8, 8, 2048]`. Its parts come in the order of
 * torchvision's state_dict but for the auxiliary head, which is not computed.
 */
export function inceptionV3<T>(picture: T, operations: BackboneOperations<T>): T {
  const walk = new Walk(operations);
  let x = walk.basic('Conv2d_1a_3x3', picture, 32, [3, 3], { stride: 2 });
  x = walk.basic('Conv2d_2a_3x3', x, 32, [3, 3], {});
  x = operations.maxPool(walk.basic('Conv2d_2b_3x3', x, 64, [3, 3], { padded: true }));
  x = walk.basic('Conv2d_3b_1x1', x, 80, [1, 1], {});
  x = operations.maxPool(walk.basic('Conv2d_4a_3x3', x, 192, [3, 3], {}));
  for (const [name, pooled] of [
    ['Mixed_5b', 32],
    ['Mixed_5c', 64],
    ['Mixed_5d', 64],
  ] as const)
    x = walk.blockA(name, x, pooled);
  x = walk.blockB('Mixed_6a', x);
  for (const [name, inner] of [
    ['Mixed_6b', 128],
    ['Mixed_6c', 160],
    ['Mixed_6d', 160],
    ['Mixed_6e', 192],
  ] as const)
    x = walk.blockC(name, x, inner);
  x = walk.blockD('Mixed_7a', x);
  for (const name of ['Mixed_7b', 'Mixed_7c']) x = walk.blockE(name, x);
  return x;
}

/** Torchvision's blocks: InceptionA to InceptionE. */
class Walk<T> {
  constructor(private readonly operations: BackboneOperations<T>) {}

  basic(
    name: string,
    x: T,
    outputs: number,
    [height, width]: readonly [number, number],
    { stride = 1, padded = false }: { readonly stride?: 1 | 2; readonly padded?: boolean },
  ): T {
    return this.operations.convolution(name, x, { outputs, height, width, stride, padded });
  }

  blockA(name: string, x: T, pooled: number): T {
    const same = this.sameSize(name);
    const point = same('branch1x1', x, 64, [1, 1]);
    const five = same('branch5x5_2', same('branch5x5_1', x, 48, [1, 1]), 64, [5, 5]);
    const double = same('branch3x3dbl_3', same('branch3x3dbl_2', same('branch3x3dbl_1', x, 64, [1, 1]), 96, [3, 3]), 96, [3, 3]);
    return this.operations.join([point, five, double, same('branch_pool', this.operations.averagePool(x), pooled, [1, 1])]);
  }

  blockB(name: string, x: T): T {
    const same = this.sameSize(name);
    const three = this.basic(`${name}.branch3x3`, x, 384, [3, 3], { stride: 2 });
    const inner = same('branch3x3dbl_2', same('branch3x3dbl_1', x, 64, [1, 1]), 96, [3, 3]);
    const double = this.basic(`${name}.branch3x3dbl_3`, inner, 96, [3, 3], { stride: 2 });
    return this.operations.join([three, double, this.operations.maxPool(x)]);
  }

  blockC(name: string, x: T, inner: number): T {
    const same = this.sameSize(name);
    const point = same('branch1x1', x, 192, [1, 1]);
    const seven = same('branch7x7_3', same('branch7x7_2', same('branch7x7_1', x, inner, [1, 1]), inner, [1, 7]), 192, [7, 1]);
    let double = same('branch7x7dbl_1', x, inner, [1, 1]);
    double = same('branch7x7dbl_3', same('branch7x7dbl_2', double, inner, [7, 1]), inner, [1, 7]);
    double = same('branch7x7dbl_5', same('branch7x7dbl_4', double, inner, [7, 1]), 192, [1, 7]);
    return this.operations.join([point, seven, double, same('branch_pool', this.operations.averagePool(x), 192, [1, 1])]);
  }

  blockD(name: string, x: T): T {
    const same = this.sameSize(name);
    const three = this.basic(`${name}.branch3x3_2`, same('branch3x3_1', x, 192, [1, 1]), 320, [3, 3], { stride: 2 });
    const inner = same('branch7x7x3_3', same('branch7x7x3_2', same('branch7x7x3_1', x, 192, [1, 1]), 192, [1, 7]), 192, [7, 1]);
    const seven = this.basic(`${name}.branch7x7x3_4`, inner, 192, [3, 3], { stride: 2 });
    return this.operations.join([three, seven, this.operations.maxPool(x)]);
  }

  blockE(name: string, x: T): T {
    const same = this.sameSize(name);
    const point = same('branch1x1', x, 320, [1, 1]);
    const three = same('branch3x3_1', x, 384, [1, 1]);
    const threes = [same('branch3x3_2a', three, 384, [1, 3]), same('branch3x3_2b', three, 384, [3, 1])];
    const double = same('branch3x3dbl_2', same('branch3x3dbl_1', x, 448, [1, 1]), 384, [3, 3]);
    const doubles = [same('branch3x3dbl_3a', double, 384, [1, 3]), same('branch3x3dbl_3b', double, 384, [3, 1])];
    return this.operations.join([point, ...threes, ...doubles, same('branch_pool', this.operations.averagePool(x), 192, [1, 1])]);
  }

  private sameSize(block: string): (part: string, x: T, outputs: number, kernel: readonly [number, number]) => T {
    return (part, x, outputs, kernel) => this.basic(`${block}.${part}`, x, outputs, kernel, { padded: true });
  }
}
