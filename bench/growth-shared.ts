import { pickledText as text, pickledTensor as tensor, pieces, uint32, zippedPickle as archive } from './growth-pickles';
import type { GrowthFamily } from './growth-family';

const model = `${text('model')}}(${text('w')}${tensor()}u`;
/** A number of over 64 bits; those that differ in their last 32 bits alone are neighbours in a Map. */
const neighbour = (key: number): string => `\x8a\x0d\x01\0\0\0\0\0\0\0${uint32(key)}\x01`;
const DICT_ITEMS = 4000;

/** Pickles in which one thing stands in many places: whoever goes through it once for each takes the product of both sizes. */
export const growthShared: readonly GrowthFamily[] = [
  {
    title: 'pickle: dicts under numbers that a Map takes for neighbours',
    reader: 'checkpoint',
    write: (n: number) =>
      archive(`](${pieces(n, 15 * DICT_ITEMS, () => `}(${pieces(15 * DICT_ITEMS, 15, (key) => `${neighbour(key)}N`)}u`)}e`),
  },
  {
    title: 'pickle: an item behind its neighbours set again and again',
    reader: 'checkpoint',
    write: (n: number) =>
      archive(
        `${neighbour(0)}q\x000}(h\0N`,
        pieces(Math.min(n / 4, 15 * (DICT_ITEMS - 2)), 15, (key) => `${neighbour(key + 1)}N`),
        `${'h\0N'.repeat(n / 4)}u`,
      ),
  },
  {
    title: 'pickle: one group of parameters again and again',
    reader: 'inspect',
    write: (n: number) =>
      archive(
        `}(${pieces(n / 2, 13, (key) => `${text(String(key))}N`)}uq\x000`,
        `}(${model}${text('optimizer')}}(${text('state')}}${text('param_groups')}](${'h\0'.repeat(n / 4)}euu`,
      ),
  },
  {
    title: 'pickle: one state of an optimizer again and again',
    reader: 'inspect',
    write: (n: number) =>
      archive(
        `}(${pieces(n / 2, 13, (key) => `${text(String(key))}N`)}uq\x000`,
        `}(${model}${text('optimizer')}}(${text('param_groups')}]}a${text('state')}}(${pieces(n / 2, 7, (key) => `J${uint32(key)}h\0`)}uuu`,
      ),
  },
  {
    title: 'pickle: one name of a parameter again and again',
    reader: 'checkpoint',
    write: (n: number) =>
      archive(
        `${text('w')}q\x000}(${text('model')}}(${pieces(n / 3, 15, (key) => `${text(key === 0 ? 'w' : `w${key}`)}${key === 0 ? `${tensor()}q\x01` : 'h\x01'}`)}u`,
        `${text('optimizer')}}(${text('state')}}${text('param_groups')}]}(${text('params')}](${pieces(n / 3, 15, () => 'K\x01')}e`,
        `${text('param_names')}](${'h\0'.repeat(n / 6)}eueuu`,
      ),
  },
  {
    title: 'pickle: one tensor looked into under many names',
    reader: 'inspect',
    write: (n: number) => archive(tensor(n / 16), `q\x000}(${text('model')}}(${pieces(n / 2, 13, (key) => `${text(`w${key}`)}h\0`)}uu`),
  },
  {
    title: 'pickle: weights behind many beginnings',
    reader: 'inspect',
    write: (n: number) => archive(tensor(), `q\x000}(${text('model')}}(${pieces(n, 16, (key) => `${text(`${key % 64}.w${key}`)}h\0`)}uu`),
  },
  {
    title: 'pickle: one list of optimizers under many keys',
    reader: 'inspect',
    write: (n: number) =>
      archive(
        `](${'N'.repeat(n / 2)}eq\x000}(${model}`,
        pieces(n / 2, 13, (key) => `${text(`k${key}`)}h\0`),
        'u',
      ),
  },
  {
    title: 'pickle: one list of groups in many optimizers',
    reader: 'inspect',
    write: (n: number) =>
      archive(
        `${text('param_groups')}q\x000}q\x010](${'h\x01'.repeat(n / 4)}eq\x020}(${model}`,
        `${text('optimizers')}](${'}h\0h\x02s'.repeat(n / 12)}eu`,
      ),
  },
  {
    title: 'pickle: layers of a model',
    reader: 'model',
    write: (n: number) =>
      archive(
        tensor(8),
        `q\x000}(${['embedding.bias', 'gloss_head.3.bias', 'category_head.3.bias'].map((name) => `${text(name)}h\0`).join('')}`,
        pieces(n, 27, (layer) => `${text(`encoder_layers.${layer}.x`)}h\0`),
        'u',
      ),
  },
];
