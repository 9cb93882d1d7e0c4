import type { Settings } from '../../config/settings';
import { UserError } from '../../foundation/errors';
import type { PoolingMethod } from '../layers/pooling';
import type { ModelEntry, RecognisedModel, SavedModel } from '../model-entry';
import { signTransformer } from './sign-transformer';

/** Key points x and y of 78 points: pose 25, hands 21 each, face 11. */
const KEYPOINT_WIDTH = 156;

const KEYPOINT_FOLDERS = { trainFolder: 'keypoints_train', validationFolder: 'keypoints_val' } as const;

/** The SignTransformer in the table of models. */
export const transformerEntry: ModelEntry<Extract<Settings, { model: 'transformer' }>> = {
  checkpointName: 'SignTransformer',
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

/** Layers, widths, class counts and max_len are in the shapes; heads and pooling only in a config, and dropout is of no account for weights. */
function fromCheckpoint({ config, shapes }: SavedModel): RecognisedModel | undefined {
  const [emb_dim] = shapes.get('embedding.weight') ?? [];
  const [, max_len] = shapes.get('pos_encoder.pe') ?? [];
  const [num_gloss] = shapes.get('gloss_head.3.weight') ?? [];
  const [num_cat] = shapes.get('category_head.3.weight') ?? [];
  if (emb_dim === undefined || max_len === undefined) return undefined;
  if (num_gloss === undefined || num_cat === undefined) return undefined;

  const assumptions: string[] = [];
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
    n_layers: countLayers(shapes.keys()),
    ff_dim: shapes.get('encoder_layers.0.feed_forward.linear1.weight')?.[0] ?? 4 * emb_dim,
    num_gloss,
    num_cat,
    dropout: typeof config['dropout'] === 'number' ? config['dropout'] : 0.1,
    max_len,
    pooling_method: isPoolingMethod(pooling) ? pooling : 'mean',
  });
  return { model, assumptions };
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
