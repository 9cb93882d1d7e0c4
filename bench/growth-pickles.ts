import { zipOf } from './damaged-checkpoints';
import type { GrowthFamily } from './growth-family';

/** Four bytes, the lowest first. */
export const uint32 = (value: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString('latin1');
};
/** A text. */
export const pickledText = (value: string): string => `X${uint32(value.length)}${value}`;
/** Pieces of about so many bytes each, up to so many in all. */
export const pieces = (bytes: number, piece: number, one: (index: number) => string): string =>
  Array.from({ length: Math.ceil(bytes / piece) }, (_, index) => one(index)).join('');
/** A tensor of one value so many times, in the only storage that {@link zippedPickle} brings. */
export const pickledTensor = (count = 1): string =>
  `ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQK\0J${uint32(count)}\x85K\0\x85\x89NtR`;
/** A checkpoint of a pickle's instructions, with one storage of one float32 value. */
export const zippedPickle = (...parts: readonly string[]): Uint8Array =>
  zipOf([
    ['m/data.pkl', Buffer.from(`\x80\x02${parts.join('')}.`, 'latin1')],
    ['m/data/0', new Uint8Array(4)],
  ]);

const [text, times, tensor, archive] = [pickledText, pieces, pickledTensor, zippedPickle];
const model = `${text('model')}}(${text('w')}${tensor()}u`;
const withConfig = (config: string): Uint8Array => archive(`}(${model}${text('config')}${config}u`);

/** Pickles in which a few bytes might stand for much. */
export const growthPickles: readonly GrowthFamily[] = [
  {
    title: 'a long tuple as pairs, again and again',
    write: (n: number) => archive(`(${'N'.repeat(n / 3)}tq\0`, `0ccollections\nOrderedDict\n](${'h\0'.repeat(n / 3)}e\x85R`),
  },
  {
    title: 'a long shape for numpy arrays',
    write: (n: number) =>
      archive(
        `(${'K\x01'.repeat(n / 5)}tq\x000cnumpy\ndtype\n(${text('f8')}K\0K\x01tRq\x010K\x01h\0h\x01\x87q\x020cnumpy.core.multiarray\n_reconstruct\n)R${'h\x02b'.repeat(n / 5)}`,
      ),
  },
  {
    title: 'a long set made again and again',
    write: (n: number) => archive(`](${'N'.repeat(n / 5)}eq\x000c__builtin__\nset\nq\x010`, 'h\x01h\0\x85R0'.repeat(n / 10), 'N'),
  },
  {
    title: 'a dict under numbers that a Map takes for neighbours',
    write: (n: number) => archive(`}(${times(n, 15, (key) => `\x8a\x0d\x01\0\0\0\0\0\0\0${uint32(key)}\x01N`)}u`),
  },
  { title: 'a dict under short texts', write: (n: number) => withConfig(`}(${times(n, 13, (key) => `${text(String(key))}N`)}u`) },
  {
    title: 'settings under one long text again and again',
    write: (n: number) => archive(text('a'.repeat(n / 2)), `q\x000}(${model}${text('config')}}((${'h\0'.repeat(n / 4)}tNuu`),
  },
  { title: 'settings under dicts under dicts', write: (n: number) => withConfig(`${'}('.repeat(n / 4)}${text('"')}${'Nu'.repeat(n / 4)}`) },
  {
    title: 'settings of one long text again and again',
    write: (n: number) => archive(text('a'.repeat(n / 2)), `q\x000}(${model}${text('config')}](${'h\0'.repeat(n / 4)}eu`),
  },
  { title: 'lists in lists', write: (n: number) => withConfig(`${']'.repeat(n / 2)}${'a'.repeat(n / 2)}`) },
  {
    title: 'lists that double',
    write: (n: number) =>
      withConfig(
        `]q\0${times(Math.min(n, 3000), 12, (level) => `](h${String.fromCharCode(level)}h${String.fromCharCode(level)}eq${String.fromCharCode(level + 1)}`)}`,
      ),
  },
  {
    title: 'values remembered',
    write: (n: number) =>
      archive(
        times(n, 7, (index) => `Nr${uint32(index)}0`),
        'N',
      ),
  },
  { title: 'marks', write: (n: number) => archive('('.repeat(n)) },
  {
    title: 'whole numbers of a thousand bytes',
    write: (n: number) =>
      withConfig(`](${times(n, 1024, (index) => `\x8b${uint32(1019)}${String.fromCharCode(index % 256).repeat(1019)}`)}e`),
  },
  {
    title: 'tensors of one storage',
    write: (n: number) => archive(`}(${text('model')}}(${times(n, 150, (index) => `${text(`w${index}`)}${tensor()}`)}uu`),
  },
  {
    title: 'one large tensor under many names',
    write: (n: number) => archive(tensor(2 ** 22), `q\x000}(${text('model')}}(${times(n, 13, (index) => `${text(`w${index}`)}h\0`)}uu`),
  },
  {
    title: 'tensors of many dimensions',
    write: (n: number) =>
      archive(
        `}(${text('model')}}(${text('w')}${tensor().replace(`J${uint32(1)}\x85K\0\x85`, () => `(${'K\x01'.repeat(n / 4)}t(${'K\x01'.repeat(n / 4)}t`)}uu`,
      ),
  },
].map((family) => ({ ...family, title: `pickle: ${family.title}`, reader: 'checkpoint' }));
