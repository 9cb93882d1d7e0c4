import { addDropped } from '../../engine/dropout';
import { tensorNamed, type NamedTensors } from '../../engine/named-tensors';
import { standardNormal, type ParameterDeclaration } from '../../engine/parameters';
import { droppedRelu, relu } from '../../engine/relu';
import { packRows, spreadRows } from '../../engine/rows';
import { tf } from '../../engine/tensorflow';
import { keypointClips } from '../clips';
import { defineModel } from '../define-model';
import { attentionParameters, maskedScores, normedAttention, type AttentionSize, type AttentionSurroundings } from '../layers/attention';
import { framePacking, packedWithToken } from '../layers/frame-packing';
import { linear, linearParameters, normedLinear } from '../layers/linear';
import { norm, normParameters } from '../layers/norm';
import { pool } from '../layers/pooling';
import { positionParameter } from '../layers/positions';
import { checkTransformer, recogniseTransformer, transformerSettings, type SignTransformerArchitecture } from './architecture';
import type { ForwardContext, Model, ModelInputs, ModelOutputs } from '../model';

/** The reference's SignTransformer: a pre-norm transformer encoder over key points, pooled, with a head for the gloss and one for the category. */
export const signTransformerModel = defineModel<typeof transformerSettings, typeof keypointClips.settings, SignTransformerArchitecture>({
  name: 'transformer',
  checkpointName: 'SignTransformer',
  clips: keypointClips,
  settings: transformerSettings,
  check: checkTransformer,
  fixedByWeights: ['emb_dim', 'num_heads', 'num_layers', 'ff_dim', 'max_len', 'pooling'],
  notInShapes: { num_heads: 'n_heads', pooling: 'pooling_method' },
  architecture: (settings, classes) => ({
    input_dim: keypointClips.width,
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
  const layer = (index: number): ParameterDeclaration[] => {
    const name = `encoder_layers.${index}`;
    return [
      ...attentionParameters(`${name}.attention`, emb_dim),
      ...linearParameters(`${name}.feed_forward.linear1`, emb_dim, ff_dim),
      ...linearParameters(`${name}.feed_forward.linear2`, ff_dim, emb_dim),
      ...normParameters(`${name}.residual1.norm`, emb_dim),
      ...normParameters(`${name}.residual2.norm`, emb_dim),
    ];
  };
  const head = (name: string, classes: number): ParameterDeclaration[] => [
    ...linearParameters(`${name}.0`, emb_dim, Math.floor(emb_dim / 2)),
    ...linearParameters(`${name}.3`, Math.floor(emb_dim / 2), classes),
  ];
  return [
    { name: 'cls_token', shape: [1, 1, emb_dim], trainable: true, initialise: standardNormal },
    ...linearParameters('embedding', input_dim, emb_dim),
    positionParameter('pos_encoder.pe', max_len, emb_dim),
    ...normParameters('input_norm', emb_dim),
    ...Array.from({ length: n_layers }, (_, index) => layer(index)).flat(),
    ...head('gloss_head', num_gloss),
    ...head('category_head', num_cat),
  ];
}

function forward(
  architecture: SignTransformerArchitecture,
  parameters: NamedTensors,
  inputs: ModelInputs,
  context: ForwardContext,
): ModelOutputs {
  const { emb_dim, n_layers, n_heads, dropout, pooling_method } = architecture;
  const [batch = 0, clipFrames = 0, width = 0] = inputs.features.shape;
  const withToken = pooling_method === 'cls';
  const size: AttentionSize = { batch, frames: clipFrames + (withToken ? 1 : 0), width: emb_dim, heads: n_heads };

  const embedded = tf.reshape(linear(parameters, 'embedding', tf.reshape(inputs.features, [-1, width])), [batch, clipFrames, emb_dim]);
  const tokens = withToken ? tf.concat([tf.tile(tensorNamed(parameters, 'cls_token'), [batch, 1, 1]), embedded], 1) : embedded;
  const mask = withToken ? tf.concat([tf.ones([batch, 1]), inputs.mask], 1) : inputs.mask;
  const positions = tf.slice(tensorNamed(parameters, 'pos_encoder.pe'), [0, 0, 0], [1, size.frames, emb_dim]);
  const positioned = context.dropout(tf.add(tokens, positions), dropout);

  const scoreBias = maskedScores(mask, size);
  const packed = inputs.packed && withToken ? packedWithToken(inputs.packed, batch, clipFrames) : inputs.packed;
  const packing = framePacking(packed, mask);
  let hidden = norm(parameters, 'input_norm', packRows(tf.reshape(positioned, [-1, emb_dim]), packing));
  for (let index = 0; index < n_layers; index++) {
    hidden = encoderLayer(parameters, `encoder_layers.${index}`, hidden, scoreBias, { size, packing, dropoutRate: dropout, context });
  }

  const frames = tf.reshape(spreadRows(hidden, packing), [batch, size.frames, emb_dim]);
  const pooled = context.dropout(pool(pooling_method, frames, mask), dropout);
  const head = (name: string): tf.Tensor =>
    linear(parameters, `${name}.3`, context.dropout(relu(linear(parameters, `${name}.0`, pooled)), dropout));
  return { glossLogits: head('gloss_head'), categoryLogits: head('category_head') };
}

/** `x + drop(attention(norm1(x)))`, then `x + drop(feed_forward(norm2(x)))`, over `[rows, width]`: all frames, or the packed ones. */
function encoderLayer(
  parameters: NamedTensors,
  name: string,
  x: tf.Tensor,
  scoreBias: tf.Tensor,
  surroundings: AttentionSurroundings,
): tf.Tensor {
  const { dropoutRate, context } = surroundings;
  const [attentionNames, feedForward] = [{ name: `${name}.attention`, normName: `${name}.residual1.norm` }, `${name}.feed_forward`];
  const attended = normedAttention(parameters, attentionNames, x, scoreBias, surroundings);
  const withAttention = addDropped(x, attended, context.dropout.draw(attended.shape, dropoutRate));
  const raised = normedLinear(parameters, `${name}.residual2.norm`, [{ name: `${feedForward}.linear1` }], withAttention);
  const drop = context.dropout.draw(raised.shape, dropoutRate);
  const lowered = linear(parameters, `${feedForward}.linear2`, droppedRelu(raised, drop), drop?.scale);
  return addDropped(withAttention, lowered, context.dropout.draw(lowered.shape, dropoutRate));
}
