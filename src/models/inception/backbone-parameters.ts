import { constantValue, uniformFanIn, type ParameterDeclaration } from '../../engine/parameters';
import { inceptionV3, type ConvolutionShape } from './backbone';

/** Where InceptionV3 lies in an InceptionV3GRU's state_dict. */
export const BACKBONE_PREFIX = 'feat_extractor.backbone.';

/** Classes that the auxiliary head of ImageNet's weights tells apart. */
export const IMAGENET_CLASSES = 1000;

/** A convolution of the backbone, with what it is given. */
export interface BackboneConvolution extends ConvolutionShape {
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
