import { constantValue, type ParameterDeclaration, type ParameterValues, uniformFanIn } from '../../engine/parameters';
import { UserError } from '../../foundation/errors';
import type { ShapedValues } from '../model';

/** What InceptionV3 is made of, as what walks through it sees it: tensors for a computation, channel counts to declare parameters. */
interface BackboneOperations<T> {
  /** Convolution without bias, BatchNorm and relu: torchvision's BasicConv2d. */
  convolution(name: string, x: T, shape: ConvolutionShape): T;
  /** The largest of 3 × 3, each second place, without padding. */
  maxPool(x: T): T;
  /** The convolution of 1 × 1 of the mean of 3 × 3 around each place; zeros beyond the edge count, as in `torch.nn.functional.avg_pool2d`. */
  averagedConvolution(name: string, x: T, outputs: number): T;
  /** Side by side along the channels. */
  join(parts: readonly T[]): T;
}

interface ConvolutionShape {
  readonly outputs: number;
  readonly height: number;
  readonly width: number;
  readonly stride: 1 | 2;
  /** Whether zeros are put around, so that a stride of 1 keeps the size. */
  readonly padded: boolean;
}

/** What every convolution of averaged places has. */
export const POINT: Omit<ConvolutionShape, 'outputs'> = { height: 1, width: 1, stride: 1, padded: true };

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
    return this.operations.join([point, five, double, this.operations.averagedConvolution(`${name}.branch_pool`, x, pooled)]);
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
    return this.operations.join([point, seven, double, this.operations.averagedConvolution(`${name}.branch_pool`, x, 192)]);
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
    return this.operations.join([point, ...threes, ...doubles, this.operations.averagedConvolution(`${name}.branch_pool`, x, 192)]);
  }

  private sameSize(block: string): (part: string, x: T, outputs: number, kernel: readonly [number, number]) => T {
    return (part, x, outputs, kernel) => this.basic(`${block}.${part}`, x, outputs, kernel, { padded: true });
  }
}

/** torchvision's InceptionV3 has this instead of PyTorch's usual 1e-5. */
export const BATCH_NORM_EPSILON = 1e-3;

/** Where InceptionV3 lies in an InceptionV3GRU's state_dict. */
export const BACKBONE_PREFIX = 'feat_extractor.backbone.';

/** Classes that the auxiliary head of ImageNet's weights tells apart. */
export const IMAGENET_CLASSES = 1000;

/** A convolution of the backbone, with what it is given. */
interface BackboneConvolution extends ConvolutionShape {
  readonly name: string;
  readonly inputs: number;
}

/** Every convolution that is computed, in the order of torchvision's state_dict. */
export const BACKBONE_CONVOLUTIONS: readonly BackboneConvolution[] = listConvolutions();

function listConvolutions(): BackboneConvolution[] {
  const found: BackboneConvolution[] = [];
  inceptionV3<number>(3, {
    convolution: (name, inputs, shape) => {
      found.push({ name, inputs, ...shape });
      return shape.outputs;
    },
    averagedConvolution: (name, inputs, outputs) => {
      found.push({ name, inputs, outputs, ...POINT });
      return outputs;
    },
    maxPool: (channels) => channels,
    join: (parts) => parts.reduce((sum, channels) => sum + channels, 0),
  });
  return found;
}

/** The names of torchvision's modules, from the pictures to the features. */
export const BACKBONE_MODULES: readonly string[] = [...new Set(BACKBONE_CONVOLUTIONS.map(({ name }) => name.replace(/\..*/, '')))];

/**
 * InceptionV3's parameters and buffers, in the order of torchvision's state_dict, without the last layer.
 * @param trainable whether they are trained; the buffers and the auxiliary head, which no loss depends on, never change by a gradient.
 * @param auxiliaryClasses the classes of the auxiliary head, which is carried along unused; undefined where there is none.
 */
export function backboneParameters(trainable: boolean, auxiliaryClasses: number | undefined): ParameterDeclaration[] {
  const until = BACKBONE_CONVOLUTIONS.findIndex(({ name }) => name.startsWith('Mixed_7'));
  const convolutions = (from: number, to?: number): ParameterDeclaration[] =>
    BACKBONE_CONVOLUTIONS.slice(from, to).flatMap((convolution) => convolutionParameters(convolution, trainable, 0.1));
  return [
    ...convolutions(0, until),
    ...(auxiliaryClasses === undefined ? [] : auxiliaryHead(trainable, auxiliaryClasses)),
    ...convolutions(until),
  ];
}

/** The weights are drawn as torchvision draws them: from a normal distribution cut at ±2, of standard deviation 0.1 but in the auxiliary head. */
function convolutionParameters(
  { name, inputs, outputs, height, width }: Pick<BackboneConvolution, 'name' | 'inputs' | 'outputs' | 'height' | 'width'>,
  trainable: boolean,
  deviation: number,
): ParameterDeclaration[] {
  const norm = (part: string): string => `${BACKBONE_PREFIX}${name}.bn.${part}`;
  return [
    {
      name: `${BACKBONE_PREFIX}${name}.conv.weight`,
      shape: [outputs, inputs, height, width],
      trainable,
      initialise: truncatedNormal(deviation),
    },
    { name: norm('weight'), shape: [outputs], trainable, initialise: constantValue(1) },
    { name: norm('bias'), shape: [outputs], trainable, initialise: constantValue(0) },
    { name: norm('running_mean'), shape: [outputs], trainable: false, initialise: constantValue(0) },
    { name: norm('running_var'), shape: [outputs], trainable: false, initialise: constantValue(1) },
    { name: norm('num_batches_tracked'), shape: [], trainable: false, computed: true, initialise: constantValue(0), storedAs: 'int64' },
  ];
}

function auxiliaryHead(trainable: boolean, classes: number): ParameterDeclaration[] {
  const linear = (part: string): string => `${BACKBONE_PREFIX}AuxLogits.fc.${part}`;
  return [
    ...convolutionParameters({ name: 'AuxLogits.conv0', inputs: 768, outputs: 128, height: 1, width: 1 }, trainable, 0.1),
    ...convolutionParameters({ name: 'AuxLogits.conv1', inputs: 128, outputs: 768, height: 5, width: 5 }, trainable, 0.01),
    { name: linear('weight'), shape: [classes, 768], trainable, initialise: truncatedNormal(0.001) },
    { name: linear('bias'), shape: [classes], trainable, initialise: uniformFanIn(768) },
  ];
}

function truncatedNormal(deviation: number): ParameterDeclaration['initialise'] {
  return (random, size) =>
    Float32Array.from({ length: size }, () => {
      for (;;) {
        const value = random.normal(0, deviation);
        if (value >= -2 && value <= 2) return value;
      }
    });
}

/**
 * The backbone in a state_dict: torchvision's own inception_v3, or one that holds it, as an InceptionV3GRU's. Its last layer is left out, and its auxiliary head
 * where it is another one's, since neither is computed.
 * @returns the values by the names of an InceptionV3GRU's state_dict.
 * @throws UserError where parts are missing or of another shape.
 */
export function pickBackbone(weights: ReadonlyMap<string, ShapedValues>): ParameterValues {
  const first = 'Conv2d_1a_3x3.conv.weight';
  const prefix = [...weights.keys()].find((name) => name.endsWith(first))?.slice(0, -first.length);
  if (prefix === undefined) {
    const some = [...weights.keys()].slice(0, 3).join(', ');
    throw new UserError(
      `it holds no InceptionV3 (no ${first} among ${some}, …); give torchvision's inception_v3 state_dict, or a checkpoint that holds one`,
    );
  }
  const problems: string[] = [];
  const found = new Map<string, Float32Array>();
  for (const { name, shape } of backboneParameters(false, IMAGENET_CLASSES)) {
    const there = weights.get(`${prefix}${name.slice(BACKBONE_PREFIX.length)}`);
    if (there?.shape.join() === shape.join()) found.set(name, there.values);
    else if (!name.startsWith(`${BACKBONE_PREFIX}AuxLogits.`) && !name.endsWith('num_batches_tracked'))
      problems.push(
        there === undefined ? `${name} is missing` : `${name} has shape [${there.shape.join(', ')}], expected [${shape.join(', ')}]`,
      );
  }
  if (problems.length > 0)
    throw new UserError(
      `its InceptionV3 does not fit: ${problems.slice(0, 5).join('; ')}${problems.length > 5 ? `; and ${problems.length - 5} more` : ''}`,
    );
  return found;
}
