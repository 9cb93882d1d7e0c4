import { constantValue, uniformFanIn, type ParameterDeclaration, type ParameterValues } from '../../engine/parameters';
import { inceptionV3, type ConvolutionShape } from './backbone';
import { UserError } from '../../foundation/errors';
import type { ShapedValues } from '../model';

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
    maxPool: (channels) => channels,
    averagePool: (channels) => channels,
    join: (parts) => parts.reduce((sum, channels) => sum + channels, 0),
  });
  return found;
}

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
