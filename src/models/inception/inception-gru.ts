import type { NamedTensors, ParameterDeclaration } from '../../engine/parameters';
import { tf } from '../../engine/tensorflow';
import { defineModel, type RecognisedArchitecture } from '../define-model';
import { shape3 } from '../layers/frame-rows';
import { FramesFirst, gruOfClips, gruOfStates, gruParameters, lastState } from '../layers/gru';
import { linear, linearParameters } from '../layers/linear';
import type { ForwardContext, Model, ModelInputs, ModelOutputs, PictureEncoder, SavedModel } from '../model';
import { BACKBONE_MODULES, BACKBONE_PREFIX, backboneParameters, IMAGENET_CLASSES, pickBackbone, PICTURE_SIZE } from './backbone';
import { foldBackbone, FOLDED_PARAMETERS, foldedFeatures, trainedFeatures } from './backbone-features';
import { checkBackbone, FEATURE_WIDTH, inceptionClips, inceptionSettings, trainsOnFrames } from './settings';

/** What fixes an InceptionV3GRU; names as in a PyTorch checkpoint's `config`. */
interface InceptionGruArchitecture extends GruStackSize {
  readonly max_len: number;
  /** InceptionV3 in front of the GRUs; undefined for a model on features. */
  readonly backbone: BackboneArchitecture | undefined;
}

interface BackboneArchitecture {
  readonly frozen: boolean;
  readonly transform_input: boolean;
  /** Classes of the auxiliary head that is carried along unused; undefined where there is none. */
  readonly auxiliaryClasses: number | undefined;
}

/**
 * The reference's InceptionV3GRU: features of frames, or frames through torchvision's InceptionV3; two GRUs; the last valid state; a head for the gloss and
 * one for the category.
 */
export const inceptionGruModel = defineModel<typeof inceptionSettings, typeof inceptionClips.settings, InceptionGruArchitecture>({
  name: 'iv3_gru',
  checkpointName: 'InceptionV3GRU',
  clips: inceptionClips,
  settings: inceptionSettings,
  check: checkBackbone,
  fixedByWeights: ['hidden1', 'hidden2', 'transform_input'],
  notInShapes: { transform_input: 'transform_input' },
  architecture: (settings, classes) => ({
    hidden1: settings.hidden1,
    hidden2: settings.hidden2,
    dropout: settings.dropout,
    num_gloss: classes.gloss,
    num_cat: classes.category,
    max_len: settings.max_len,
    backbone:
      settings.backbone !== null || trainsOnFrames(settings)
        ? { frozen: settings.freeze_backbone, transform_input: settings.transform_input, auxiliaryClasses: IMAGENET_CLASSES }
        : undefined,
  }),
  config: ({ backbone, max_len, ...size }) => ({
    ...size,
    max_len,
    backbone: backbone !== undefined,
    ...(backbone === undefined ? {} : { freeze_backbone: backbone.frozen, transform_input: backbone.transform_input }),
  }),
  recognise,
  parameters: ({ backbone, ...size }) => [
    ...(backbone === undefined ? [] : backboneParameters(!backbone.frozen, backbone.auxiliaryClasses)),
    ...gruStackParameters(size),
  ],
  forward: ({ backbone, ...size }, parameters, inputs, context) => {
    const features = backbone?.frozen === false ? pictureFeatures(parameters, inputs, backbone, context) : inputs.features;
    return gruStack(parameters, { ...inputs, features }, size, context);
  },
  depthOf,
  lastSharedLayer: () => ['gru2.weight_ih_l0', 'gru2.weight_hh_l0'],
  pictureEncoder: ({ backbone }) => backbone && frozenEncoder(backbone.transform_input),
  pretrained: ({ backbone }) => (backbone === null ? undefined : { file: backbone, decides: ['transform_input'], pick: pickBackbone }),
  settledByWeights: ({ config }, file) => (config['backbone'] === true ? { backbone: file } : {}),
  pytorch: ({ backbone }) => ({
    fromConfig: ['num_gloss', 'num_cat', 'hidden1', 'hidden2', 'dropout'],
    others: ['pretrained_backbone=False'],
    whole: backbone === true,
  }),
});

/** The modules of a backbone in their order, the GRUs, the heads; the auxiliary head, which takes no part, is 0. */
function depthOf({ backbone }: InceptionGruArchitecture, parameter: string): number {
  const [module = ''] = parameter.replace(BACKBONE_PREFIX, '').split('.');
  if (parameter.startsWith(BACKBONE_PREFIX)) return Math.max(0, BACKBONE_MODULES.indexOf(module));
  const afterBackbone = backbone === undefined ? 0 : BACKBONE_MODULES.length;
  return afterBackbone + ['gru1', 'gru2', module].indexOf(module);
}

/** An InceptionV3GRU of that architecture. */
export function inceptionGru(architecture: InceptionGruArchitecture): Model {
  return inceptionGruModel.build(architecture);
}

/** InceptionV3 with weights that stay as they are. */
export function frozenEncoder(transformInput: boolean): PictureEncoder {
  return {
    side: PICTURE_SIZE,
    width: FEATURE_WIDTH,
    identity: `InceptionV3, transform_input ${String(transformInput)}`,
    parameters: FOLDED_PARAMETERS,
    prepare: (weights) => foldBackbone(weights, transformInput),
    encode: foldedFeatures,
  };
}

/** What the GRUs see of a clip; features are left as they are, as an evaluation gives them. */
function pictureFeatures(
  parameters: NamedTensors,
  { features, mask }: ModelInputs,
  { transform_input }: BackboneArchitecture,
  context: ForwardContext,
): tf.Tensor {
  const [batch, frames, width] = shape3(features);
  if (width === FEATURE_WIDTH) return features;
  const [pictures, counts] = [tf.reshape(features, [batch * frames, width]), tf.reshape(mask, [batch * frames, 1])];
  const given = trainedFeatures(parameters, pictures, counts, { transformInput: transform_input, context });
  return tf.reshape(given, [batch, frames, FEATURE_WIDTH]);
}

/** All sizes are in the shapes; only transform_input is not, which torchvision sets with ImageNet's weights. */
function recognise({ config, shapes }: SavedModel): RecognisedArchitecture<InceptionGruArchitecture> | undefined {
  const [, hidden1] = shapes.get('gru1.weight_hh_l0') ?? [];
  const [, hidden2] = shapes.get('gru2.weight_hh_l0') ?? [];
  const [num_gloss] = shapes.get('gloss_head.weight') ?? [];
  const [num_cat] = shapes.get('category_head.weight') ?? [];
  if (hidden1 === undefined || hidden2 === undefined || num_gloss === undefined || num_cat === undefined) return undefined;
  const hasBackbone = [...shapes.keys()].some((name) => name.startsWith(BACKBONE_PREFIX));
  const { transform_input, freeze_backbone, max_len, dropout } = config;
  const architecture: InceptionGruArchitecture = {
    hidden1,
    hidden2,
    num_gloss,
    num_cat,
    dropout: typeof dropout === 'number' ? dropout : 0.3,
    max_len: typeof max_len === 'number' && max_len >= 1 ? max_len : 300,
    backbone: hasBackbone
      ? {
          frozen: freeze_backbone !== false,
          transform_input: transform_input !== false,
          auxiliaryClasses: shapes.get(`${BACKBONE_PREFIX}AuxLogits.fc.weight`)?.[0],
        }
      : undefined,
  };
  return { architecture, assumptions: hasBackbone && typeof transform_input !== 'boolean' ? ['transform_input true'] : [] };
}

interface GruStackSize {
  readonly hidden1: number;
  readonly hidden2: number;
  readonly dropout: number;
  readonly num_gloss: number;
  readonly num_cat: number;
}

/** In the order of PyTorch's state_dict. */
function gruStackParameters({ hidden1, hidden2, num_gloss, num_cat }: GruStackSize): ParameterDeclaration[] {
  return [
    ...gruParameters('gru1', FEATURE_WIDTH, hidden1),
    ...gruParameters('gru2', hidden1, hidden2),
    ...linearParameters('gloss_head', hidden2, num_gloss),
    ...linearParameters('category_head', hidden2, num_cat),
  ];
}

/** Features → GRU → dropout → GRU → last valid state → dropout → two heads. Padding never touches a state. */
function gruStack(
  parameters: NamedTensors,
  { features, mask }: ModelInputs,
  { dropout }: GruStackSize,
  context: ForwardContext,
): ModelOutputs {
  const order = new FramesFirst(mask);
  const states = context.dropout(gruOfClips(parameters, 'gru1', features, order), dropout, order.drawn);
  const last = context.dropout(lastState(gruOfStates(parameters, 'gru2', states, order)), dropout);
  return { glossLogits: linear(parameters, 'gloss_head', last), categoryLogits: linear(parameters, 'category_head', last) };
}
