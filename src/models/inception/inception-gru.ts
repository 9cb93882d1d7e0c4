import { tf } from '../../engine/tensorflow';
import type { NamedTensors } from '../../engine/named-tensors';
import type { ForwardContext, Model, ModelInputs, PictureEncoder } from '../model';
import { PICTURE_SIZE } from './backbone';
import { backboneParameters } from './backbone-parameters';
import { FOLDED_PARAMETERS, foldBackbone, foldedFeatures } from './folded-backbone';
import { FEATURE_WIDTH, gruStack, gruStackParameters, type GruStackSize } from './gru-stack';
import { trainedFeatures } from './trained-backbone';

/** What fixes an InceptionV3GRU; names as in a PyTorch checkpoint's `config`. */
export interface InceptionGruArchitecture extends GruStackSize {
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
export function inceptionGru(architecture: InceptionGruArchitecture): Model {
  const { backbone, max_len, ...size } = architecture;
  const trained = backbone?.frozen === false;
  const parameters = [
    ...(backbone === undefined ? [] : backboneParameters(trained, backbone.auxiliaryClasses)),
    ...gruStackParameters(size),
  ];
  return {
    config: {
      ...size,
      max_len,
      backbone: backbone !== undefined,
      ...(backbone === undefined ? {} : { freeze_backbone: backbone.frozen, transform_input: backbone.transform_input }),
    },
    parameters,
    width: FEATURE_WIDTH,
    maxFrames: max_len,
    numGloss: size.num_gloss,
    numCategory: size.num_cat,
    outputLayers: { gloss: 'gloss_head', category: 'category_head' },
    ...(backbone === undefined ? {} : { pictureEncoder: frozenEncoder(backbone.transform_input) }),
    forward: (named, inputs, context) => {
      const features = backbone?.frozen === false ? pictureFeatures(named, inputs, backbone, context) : inputs.features;
      return gruStack(named, { ...inputs, features }, size, context);
    },
  };
}

/** InceptionV3 with weights that stay as they are. */
export function frozenEncoder(transformInput: boolean): PictureEncoder {
  return {
    side: PICTURE_SIZE,
    width: FEATURE_WIDTH,
    identity: `InceptionV3, transform_input ${String(transformInput)}`,
    parameters: FOLDED_PARAMETERS,
    prepare: foldBackbone,
    encode: (prepared, pictures) => foldedFeatures(prepared, pictures, transformInput),
  };
}

/** What the GRUs see of a clip; features are left as they are, as an evaluation gives them. */
function pictureFeatures(
  parameters: NamedTensors,
  { features, mask }: ModelInputs,
  { transform_input }: BackboneArchitecture,
  context: ForwardContext,
): tf.Tensor {
  const [batch = 0, frames = 0, width = 0] = features.shape;
  if (width === FEATURE_WIDTH) return features;
  const [pictures, counts] = [tf.reshape(features, [batch * frames, width]), tf.reshape(mask, [batch * frames, 1])];
  const given = trainedFeatures(parameters, pictures, counts, { transformInput: transform_input, context });
  return tf.reshape(given, [batch, frames, FEATURE_WIDTH]);
}
