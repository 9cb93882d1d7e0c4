import { KEYPOINT_FOLDERS } from '../../config/data-source';
import type { Settings } from '../../config/settings';
import { UserError } from '../../foundation/errors';
import type { PoolingMethod } from '../layers/pooling';
import type { ModelEntry, RecognisedModel, SavedModel } from '../model-entry';
import { signTransformer } from './sign-transformer';

/** Key points x and y of 78 points: pose 25, hands 21 each, face 11. */
const KEYPOINT_WIDTH = 156;

/** The SignTransformer in the table of models. */
export const transformerEntry: ModelEntry<Extract<Settings, { model: 'transformer' }>> = {
  checkpointName: 'SignTransformer',
  pytorch: (config) => ({ fromConfig: Object.keys(config), others: [], whole: true }),
  width: KEYPOINT_WIDTH,
  fromSettings: (settings, classes) =>
    signTransformer({
      input_dim: KEYPOINT_WIDTH,
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
  clipLocation: (settings) => ({
    source: sourceOf(settings),
    key: settings.kp_key,
    layout: KEYPOINT_FOLDERS,
  }),
  usualClips: { key: 'X', layout: KEYPOINT_FOLDERS },
  fromCheckpoint,
  frameAttention: ({ config }) => {
    const withToken = config['pooling_method'] === 'cls';
    return {
      layers: Array.from({ length: Number(config['n_layers']) }, (_, layer) => `encoder_layers.${layer}.attention`),
      leadingPositions: withToken ? 1 : 0,
      readFrom: withToken ? 0 : undefined,
    };
  },
};

function sourceOf(settings: Extract<Settings, { model: 'transformer' }>): ReturnType<typeof transformerEntry.clipLocation>['source'] {
  if (settings.data !== null) return { folder: settings.data };
  const { keypoints_val, labels_val_csv } = settings;
  if (keypoints_val === null || labels_val_csv === null) return undefined;
  return {
    keypoints_train: settings.keypoints_train ?? undefined,
    keypoints_val,
    labels_train_csv: settings.labels_train_csv ?? undefined,
    labels_val_csv,
    labels_reference: settings.labels_reference ?? undefined,
  };
}

/** The longest clip of a checkpoint that neither holds positions nor says how many: as the settings have it. */
const USUAL_FRAMES = 300;
/** As the settings allow; of positions that are in the file, any number is. */
const MOST_FRAMES = 100_000;
/** Positions that a file lacks are computed: a few letters of it may not stand for gigabytes. */
const MOST_POSITION_VALUES = 2 ** 26;
const MOST_LAYERS = 1_000;

function isFrameCount(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= most;
}

/**
 * Layers, widths, class counts and max_len are in the shapes; heads and pooling only in a config, and dropout is of no account for weights. Positions that are
 * not there are computed, as many as the config says.
 */
function fromCheckpoint({ config, shapes }: SavedModel): RecognisedModel | undefined {
  const sizeOf = (name: string, axis = 0): number | undefined => shapes.get(name)?.at(axis);
  // Told by several tensors, so that one that is missing or of another shape is named, and not all the others.
  const emb_dim = mostCommon([
    ...[sizeOf('input_norm.gamma'), sizeOf('embedding.weight'), sizeOf('embedding.bias'), sizeOf('pos_encoder.pe', 2)],
    sizeOf('encoder_layers.0.attention.W_q.bias'),
  ]);
  const num_gloss = mostCommon([sizeOf('gloss_head.3.bias'), sizeOf('gloss_head.3.weight')]);
  const num_cat = mostCommon([sizeOf('category_head.3.bias'), sizeOf('category_head.3.weight')]);
  if (emb_dim === undefined) return undefined;
  if (num_gloss === undefined || num_cat === undefined) return undefined;

  const layers = countLayers(shapes.keys());
  if (layers > MOST_LAYERS)
    throw new UserError(`it has ${layers} encoder layers; at most ${MOST_LAYERS} are read, more than any model has`);
  const assumptions: string[] = [];
  const positions = sizeOf('pos_encoder.pe', 1) ?? config['max_len'];
  const max_len = isFrameCount(positions, shapes.has('pos_encoder.pe') ? Infinity : MOST_FRAMES) ? positions : USUAL_FRAMES;
  if (!shapes.has('pos_encoder.pe') && max_len * emb_dim > MOST_POSITION_VALUES)
    throw new UserError(
      `max_len ${max_len} at a width of ${emb_dim} would make ${max_len * emb_dim} values of positions, more than any model has`,
    );
  if (max_len !== positions) assumptions.push(`max_len ${USUAL_FRAMES}`);
  const heads = config['n_heads'] ?? config['num_heads'];
  if (typeof heads !== 'number') assumptions.push('num_heads 8');
  const n_heads = typeof heads === 'number' ? heads : 8;
  if (!Number.isInteger(n_heads) || n_heads < 1 || emb_dim % n_heads !== 0) {
    throw new UserError(`n_heads ${n_heads} does not divide the embedding's width of ${emb_dim}; give the right number with --num-heads`);
  }
  const pooling = config['pooling_method'] ?? config['pooling'];
  if (!isPoolingMethod(pooling)) assumptions.push('pooling mean');
  const model = signTransformer({
    input_dim: KEYPOINT_WIDTH,
    emb_dim,
    n_heads,
    n_layers: layers,
    ff_dim: sizeOf('encoder_layers.0.feed_forward.linear1.bias') ?? 4 * emb_dim,
    num_gloss,
    num_cat,
    dropout: typeof config['dropout'] === 'number' ? config['dropout'] : 0.1,
    max_len,
    pooling_method: isPoolingMethod(pooling) ? pooling : 'mean',
  });
  return { model, assumptions };
}

/** The number that comes most often; of those that come equally often the first, and undefined where there is none. */
function mostCommon(numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter((number) => number !== undefined);
  const count = (number: number): number => known.filter((other) => other === number).length;
  return known.toSorted((one, other) => count(other) - count(one))[0];
}

function countLayers(names: Iterable<string>): number {
  const layers = new Set<string>();
  for (const name of names) {
    const index = /^encoder_layers\.(\d+)\./.exec(name)?.[1];
    if (index !== undefined) layers.add(index);
  }
  return layers.size;
}

function isPoolingMethod(value: unknown): value is PoolingMethod {
  return value === 'mean' || value === 'max' || value === 'cls';
}
