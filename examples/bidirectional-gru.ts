import {
  defineModel,
  gru,
  gruParameters,
  linear,
  linearParameters,
  numberBelow,
  pool,
  setting,
  shape3,
  tf,
  wholeNumber,
  type NamedTensors,
} from 'kumpas';

/**
 * A model of one's own: a bidirectional GRU over key points, and a linear layer for each head.
 *
 *     npm run train -- --model ./examples/bidirectional-gru.ts --hidden 64
 */
export default defineModel({
  name: 'bidirectional_gru',
  settings: {
    hidden: setting(wholeNumber(1, 4_096), 48, { description: 'Units of the GRU, in each direction.' }),
    embedding: setting(wholeNumber(1, 4_096), 64, { description: 'Numbers that each frame is embedded in.' }),
    dropout: setting(numberBelow(0, 1), 0.1, { description: 'Share of values that dropout zeroes while training.' }),
  },
  parameters: ({ input_dim, hidden, embedding, num_gloss, num_cat }) => [
    ...linearParameters('embedding', input_dim, embedding),
    ...gruParameters('forwards', embedding, hidden),
    ...gruParameters('backwards', embedding, hidden),
    ...linearParameters('gloss_head', 2 * hidden, num_gloss),
    ...linearParameters('category_head', 2 * hidden, num_cat),
  ],
  forward: ({ dropout }, parameters, { features, mask }, context) => {
    const embedded = context.dropout(tf.relu(embed(parameters, features)), dropout);
    const forwards = gru(parameters, 'forwards', embedded, mask);
    const backwards = gru(parameters, 'backwards', embedded, mask, { reverse: true });
    const pooled = context.dropout(pool('mean', tf.concat([forwards, backwards], 2), mask), dropout);
    return {
      glossLogits: linear(parameters, 'gloss_head', pooled),
      categoryLogits: linear(parameters, 'category_head', pooled),
    };
  },
});

/** From `[batch, frames, input_dim]` to `[batch, frames, embedding]`. */
function embed(parameters: NamedTensors, features: tf.Tensor): tf.Tensor {
  const [batch, frames, width] = shape3(features);
  return tf.reshape(linear(parameters, 'embedding', tf.reshape(features, [batch * frames, width])), [batch, frames, -1]);
}
