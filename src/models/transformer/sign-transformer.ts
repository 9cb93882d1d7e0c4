import { relu } from '../../engine/dropout';
import { type NamedTensors, type ParameterDeclaration, standardNormal, tensorNamed } from '../../engine/parameters';
import { tf } from '../../engine/tensorflow';
import { anyKeypointClips } from '../clips';
import { defineModel } from '../define-model';
import { encoderLayer, encoderLayerParameters, type EncoderPass, positionParameter } from '../layers/encoder';
import { FrameRows, pool, shape3 } from '../layers/frame-rows';
import { linear, linearParameters, norm, normParameters } from '../layers/linear';
import type { ForwardContext, Model, ModelInputs, ModelOutputs } from '../model';
import { checkTransformer, recogniseTransformer, type SignTransformerArchitecture, transformerSettings } from './architecture';

/** The reference's SignTransformer: a pre-norm transformer encoder over key points, pooled, with a head for the gloss and one for the category. */
export const signTransformerModel = defineModel<typeof transformerSettings, typeof anyKeypointClips.settings, SignTransformerArchitecture>({
  name: 'transformer',
  checkpointName: 'SignTransformer',
  clips: anyKeypointClips,
  settings: transformerSettings,
  check: checkTransformer,
  fixedByWeights: ['emb_dim', 'num_heads', 'num_layers', 'ff_dim', 'max_len', 'pooling'],
  notInShapes: { num_heads: 'n_heads', pooling: 'pooling_method', max_len: 'max_len' },
  architecture: (settings, classes, width) => ({
    input_dim: width,
    emb_dim: settings.emb_dim,
    n_heads: settings.num_heads,
    n_layers: settings.num_layers,
    ff_dim: settings.ff_dim ?? 4 * settings.emb_dim,
    num_gloss: classes.gloss,
    num_cat: classes.category,
    dropout: settings.dropout,
    max_len: settings.max_len,
    pooling_method: settings.pooling,
  }),
  recognise: recogniseTransformer,
  parameters: declareParameters,
  forward,
  maxFrames: ({ max_len, pooling_method }) => (pooling_method === 'cls' ? max_len - 1 : max_len),
  outputLayers: { gloss: 'gloss_head.3', category: 'category_head.3' },
  depthOf,
  dropsLayers: true,
  lastSharedLayer: ({ n_layers }) => [`encoder_layers.${n_layers - 1}.feed_forward.linear2.weight`],
  leavesPaddingOut: true,
  frameAttention: ({ config }) => {
    const withToken = config['pooling_method'] === 'cls';
    return {
      layers: Array.from({ length: Number(config['n_layers']) }, (_, layer) => `encoder_layers.${layer}.attention`),
      leadingPositions: withToken ? 1 : 0,
      readFrom: withToken ? 0 : undefined,
    };
  },
});

/** A SignTransformer of that architecture. */
export function signTransformer(architecture: SignTransformerArchitecture): Model {
  return signTransformerModel.build(architecture);
}

/** In the order of PyTorch's state_dict. */
function declareParameters(architecture: SignTransformerArchitecture): ParameterDeclaration[] {
  const { input_dim, emb_dim, n_layers, ff_dim, num_gloss, num_cat, max_len } = architecture;
  const head = (name: string, classes: number): ParameterDeclaration[] => [
    ...linearParameters(`${name}.0`, emb_dim, Math.floor(emb_dim / 2)),
    ...linearParameters(`${name}.3`, Math.floor(emb_dim / 2), classes),
  ];
  return [
    { name: 'cls_token', shape: [1, 1, emb_dim], trainable: true, initialise: standardNormal },
    ...linearParameters('embedding', input_dim, emb_dim),
    positionParameter('pos_encoder.pe', max_len, emb_dim),
    ...normParameters('input_norm', emb_dim),
    ...Array.from({ length: n_layers }, (_, index) => encoderLayerParameters(`encoder_layers.${index}`, emb_dim, ff_dim)).flat(),
    ...head('gloss_head', num_gloss),
    ...head('category_head', num_cat),
  ];
}

/** The embedding is 0, the n-th encoder layer n, and the heads come behind the last one. */
function depthOf({ n_layers }: SignTransformerArchitecture, parameter: string): number {
  const layer = /^encoder_layers\.(\d+)\./.exec(parameter)?.[1];
  if (layer !== undefined) return Number(layer) + 1;
  return parameter.includes('_head.') ? n_layers + 1 : 0;
}

function forward(
  { emb_dim, n_layers, n_heads: heads, dropout, pooling_method }: SignTransformerArchitecture,
  parameters: NamedTensors,
  inputs: ModelInputs,
  context: ForwardContext,
): ModelOutputs {
  const withToken = pooling_method === 'cls';
  const frames = withToken ? FrameRows.of(inputs).withToken() : FrameRows.of(inputs);
  const [batch, clipFrames, width] = shape3(inputs.features);

  const embedded = tf.reshape(linear(parameters, 'embedding', tf.reshape(inputs.features, [-1, width])), [batch, clipFrames, emb_dim]);
  const tokens = withToken ? tf.concat([tf.tile(tensorNamed(parameters, 'cls_token'), [batch, 1, 1]), embedded], 1) : embedded;
  const positions = tf.slice(tensorNamed(parameters, 'pos_encoder.pe'), [0, 0, 0], [1, frames.frames, emb_dim]);
  const positioned = context.dropout(tf.add(tokens, positions), dropout);

  let x = norm(parameters, 'input_norm', frames.rowsOf(positioned));
  const pass: EncoderPass = { parameters, frames, heads, dropout, context };
  for (let index = 0; index < n_layers; index++) {
    const layerDrop = ((context.stochasticDepth ?? 0) * (index + 1)) / n_layers;
    x = encoderLayer({ ...pass, layerDrop }, `encoder_layers.${index}`, x);
  }

  const pooled = context.dropout(pool(pooling_method, frames.clipsOf(x), frames.mask), dropout);
  const head = (name: string): tf.Tensor =>
    linear(parameters, `${name}.3`, context.dropout(relu(linear(parameters, `${name}.0`, pooled)), dropout));
  return { glossLogits: head('gloss_head'), categoryLogits: head('category_head') };
}
