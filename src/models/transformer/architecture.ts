import { KEYPOINT_WIDTH } from '../../config/data-settings';
import type { ValuesOf } from '../../config/model-settings';
import { choice, numberBelow, setting, settingOrNone, wholeNumber, type SettingProblem } from '../../config/setting';
import { UserError } from '../../foundation/errors';
import type { RecognisedArchitecture } from '../define-model';
import type { PoolingMethod } from '../layers/frame-rows';
import type { SavedModel } from '../model';

/** The settings of the SignTransformer. */
export const transformerSettings = {
  emb_dim: setting(wholeNumber(2, 16_384), 256, {
    description: 'Width of the embedding: even, and a multiple of num_heads.',
    aliases: ['embedding_dim'],
  }),
  num_heads: setting(wholeNumber(1, 1_024), 8, { description: 'Attention heads in a layer.', aliases: ['n_heads'] }),
  num_layers: setting(wholeNumber(1, 256), 4, { description: 'Encoder layers.', aliases: ['n_layers'] }),
  ff_dim: settingOrNone(wholeNumber(1, 65_536), '4 × emb_dim', { description: "Width of the feed-forward part's inner layer." }),
  dropout: setting(numberBelow(0, 1), 0.1, { description: 'Share of values that dropout zeroes while training.' }),
  max_len: setting(wholeNumber(1, 100_000), 300, {
    description: 'Most frames of a clip that the model sees; the rest is cut.',
  }),
  pooling: setting(choice(['mean', 'max', 'cls']), 'mean', {
    description: 'How frames become one vector: their mean, their maximum, or a learnt class token.',
    aliases: ['pooling_method'],
  }),
} as const;

/** What fixes a SignTransformer's shape; names as in a PyTorch checkpoint's `config`. */
export interface SignTransformerArchitecture {
  readonly input_dim: number;
  readonly emb_dim: number;
  readonly n_heads: number;
  readonly n_layers: number;
  readonly ff_dim: number;
  readonly num_gloss: number;
  readonly num_cat: number;
  readonly dropout: number;
  readonly max_len: number;
  readonly pooling_method: PoolingMethod;
}

/** What must hold between the sizes: the heads share emb_dim, sine and cosine come in pairs, and beside a class token there is room for a frame. */
export function checkTransformer({ emb_dim, num_heads, max_len, pooling }: ValuesOf<typeof transformerSettings>): SettingProblem[] {
  if (pooling === 'cls' && max_len < 2) {
    return [{ key: 'max_len', text: `expected at least 2 with pooling cls, whose class token takes a place, found ${max_len}` }];
  }
  if (emb_dim % num_heads !== 0) {
    const ofHeads = { key: 'num_heads', text: `expected a divisor of emb_dim (${emb_dim}), found ${num_heads}` };
    return [{ key: 'emb_dim', text: `expected a multiple of num_heads (${num_heads}), found ${emb_dim}`, or: ofHeads }];
  }
  return emb_dim % 2 === 0 ? [] : [{ key: 'emb_dim', text: `expected an even number, found ${emb_dim}` }];
}

/** The longest clip of a checkpoint that neither holds positions nor says how many: as the settings have it. */
const USUAL_FRAMES = 300;
/** As the settings allow; of positions that are in the file, any number is. */
const MOST_FRAMES = 100_000;
/** Positions that a file lacks are computed: a few letters of it may not stand for gigabytes. */
const MOST_POSITION_VALUES = 2 ** 26;
const MOST_LAYERS = 1_000;
/** More numbers a frame than any key points are with all that is computed of them, and as few as those of one hand, 21 × (x, y). */
const [MOST_INPUTS, FEWEST_INPUTS] = [100_000, 42];

function isCount(value: unknown, most: number): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= most;
}

/**
 * Layers, widths, class counts and max_len are in the shapes, and so are numbers a frame where no config says them; heads and pooling only in a config, and dropout is of no account for weights. Positions that are
 * not there are computed, as many as the config says.
 */
export function recogniseTransformer({ config, shapes }: SavedModel): RecognisedArchitecture<SignTransformerArchitecture> | undefined {
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
  const max_len = isCount(positions, shapes.has('pos_encoder.pe') ? Infinity : MOST_FRAMES) ? positions : USUAL_FRAMES;
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
  const architecture: SignTransformerArchitecture = {
    input_dim: inputsOf(config, sizeOf('embedding.weight', 1)),
    emb_dim,
    n_heads,
    n_layers: layers,
    ff_dim: sizeOf('encoder_layers.0.feed_forward.linear1.bias') ?? 4 * emb_dim,
    num_gloss,
    num_cat,
    dropout: typeof config['dropout'] === 'number' ? config['dropout'] : 0.1,
    max_len,
    pooling_method: isPoolingMethod(pooling) ? pooling : 'mean',
  };
  return { architecture, assumptions };
}

/** Numbers a frame: what the config says; else what the embedding takes, where that may be key points, and is not a tensor of another shape than it should have. */
function inputsOf({ input_dim: said }: SavedModel['config'], ofEmbedding: number | undefined): number {
  if (isCount(said, MOST_INPUTS)) return said;
  return ofEmbedding !== undefined && ofEmbedding >= FEWEST_INPUTS && ofEmbedding <= MOST_INPUTS ? ofEmbedding : KEYPOINT_WIDTH;
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
