import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { formatNpz } from '../src/data/npz';
import { notesLines } from '../src/folder/readme';
import { zipOf } from './damaged-checkpoints';
import type { GrowthFamily } from './growth-family';
import { growthPickles } from './growth-pickles';
import { growthPictures } from './growth-pictures';
import { growthShared } from './growth-shared';

/** Pieces of about so many bytes each, up to so many in all. */
const times = (bytes: number, piece: number, one: (index: number) => string): string =>
  Array.from({ length: Math.ceil(bytes / piece) }, (_, index) => one(index)).join('');

function safetensors(header: string): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header)]);
}

const EMPTY_TENSOR = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';
const ARCHIVES: readonly GrowthFamily[] = [
  {
    title: 'zip: entries',
    write: (n: number) => zipOf(Array.from({ length: n / 160 }, (_, index) => [`m/data/${index}`, new Uint8Array(1)])),
  },
  {
    title: 'safetensors: tensors',
    write: (n: number) => safetensors(`{${times(n, 58, (index) => `${index === 0 ? '' : ','}"t${index}":${EMPTY_TENSOR}`)}}`),
  },
  { title: 'safetensors: levels of the header', write: (n: number) => safetensors(`{"a":${'['.repeat(n / 2)}${']'.repeat(n / 2)}}`) },
  {
    title: 'safetensors: levels of the settings',
    write: (n: number) =>
      safetensors(
        JSON.stringify({ __metadata__: { config: '['.repeat(n / 2) + ']'.repeat(n / 2) }, t: JSON.parse(EMPTY_TENSOR) as unknown }),
      ),
  },
  {
    title: 'safetensors: keys of the settings',
    write: (n: number) =>
      safetensors(
        JSON.stringify({
          __metadata__: { config: `{${times(n, 12, (index) => `${index === 0 ? '' : ','}"k${index}":1`)}}` },
          t: JSON.parse(EMPTY_TENSOR) as unknown,
        }),
      ),
  },
].map((family) => ({ ...family, reader: 'checkpoint' }));

const utf8 = (content: string): Uint8Array => Buffer.from(content);
const TEXTS: readonly GrowthFamily[] = [
  {
    title: 'settings: unknown keys',
    reader: 'settings',
    write: (n: number) => utf8(`{${times(n, 13, (index) => `${index === 0 ? '' : ','}"epo${index}":1`)}}`),
  },
  { title: 'settings: one long key', reader: 'settings', write: (n: number) => utf8(`{"${'a'.repeat(n)}":1}`) },
  { title: 'settings: a long value', reader: 'settings', write: (n: number) => utf8(`{"lr":[${'1,'.repeat(n / 2)}1]}`) },
  { title: 'settings: levels', reader: 'settings', write: (n: number) => utf8(`{"lr":${'['.repeat(n / 2)}${']'.repeat(n / 2)}}`) },
  { title: 'settings: a text without an end', reader: 'settings', write: (n: number) => utf8(`{"lr":"${'\\n'.repeat(n / 2)}`) },
  { title: 'settings: a fault behind many lines', reader: 'settings', write: (n: number) => utf8(`{"lr":[${'1,\n'.repeat(n / 3)}x]}`) },
  {
    title: 'evaluation: unknown keys',
    reader: 'evaluation',
    write: (n: number) => utf8(`{${times(n, 12, (index) => `${index === 0 ? '' : ','}"k${index}":1`)}}`),
  },
  {
    title: 'log: rows',
    reader: 'log',
    write: (n: number) => utf8(`epoch,train_loss,val_loss,gloss_acc,cat_acc,lr\n${times(n, 16, (index) => `${index},1,1,0,0,1\n`)}`),
  },
  {
    title: 'log: empty lines',
    reader: 'log',
    write: (n: number) => utf8(`epoch,train_loss,val_loss,gloss_acc,cat_acc,lr\n${'\n'.repeat(n)}`),
  },
  {
    title: 'log: a comment of letters',
    reader: 'log',
    write: (n: number) => utf8(`# ${'a'.repeat(n)}\nepoch,train_loss,val_loss,gloss_acc,cat_acc,lr\n`),
  },
  {
    title: 'log: a comment of settings',
    reader: 'log',
    write: (n: number) =>
      utf8(
        `# ${times(n, 8, (index) => `k_${String.fromCharCode(97 + (index % 26))}=1, `)}\nepoch,train_loss,val_loss,gloss_acc,cat_acc,lr\n`,
      ),
  },
  { title: 'metrics: lines', reader: 'metrics', write: (n: number) => utf8('{"epoch":1}\n'.repeat(n / 12)) },
  { title: 'history: wrong rows', reader: 'history', write: (n: number) => utf8(`${HISTORY}\n${`${'x,'.repeat(14)}x\n`.repeat(n / 30)}`) },
  { title: 'page: open marks', reader: 'page', write: (n: number) => utf8(`${MARK}\nx\n`.repeat(n / 72)) },
  {
    title: 'page: headings with blocks',
    reader: 'page',
    write: (n: number) => utf8(times(n, 110, (index) => `## h${index}\n${MARK}\nx\n${END_MARK}\n`)),
  },
  { title: 'labels: newlines', reader: 'labels', write: (n: number) => utf8(`file,gloss,cat\n${'\n'.repeat(n)}`) },
  { title: 'labels: one line', reader: 'labels', write: (n: number) => utf8(`file,gloss,cat\n${'a'.repeat(n)}`) },
  { title: 'labels: a header of columns', reader: 'labels', write: (n: number) => utf8(`${times(n, 7, (index) => `c${index},`)}x\n`) },
  { title: 'labels: rows that are wrong', reader: 'labels', write: (n: number) => utf8(`file,gloss,cat\n${'a,b,c\n'.repeat(n / 6)}`) },
  { title: 'labels: rows that are ragged', reader: 'labels', write: (n: number) => utf8(`file,gloss,cat\n${'a\n'.repeat(n / 2)}`) },
  {
    title: 'labels: ids far apart',
    reader: 'labels',
    write: (n: number) => utf8(`file,gloss,cat\n${times(n, 18, (index) => `c${index},${(index * 97) % 100_000},0\n`)}`),
  },
  {
    title: 'labels: letters of many marks',
    reader: 'labels',
    write: (n: number) => utf8(`file,gloss,cat\n${times(n, 4000, (index) => `c${index}${'\u0323\u0307'.repeat(990)},x,0\n`)}`),
  },
  {
    title: 'labels: names of numbers that V8 takes for neighbours',
    reader: 'labels',
    write: (n: number) => utf8(`file,gloss,cat\n${times(n, 15, (index) => `${1_000_013_824 + 65_536 * (index % 50_000)},0,0\n`)}`),
  },
  {
    title: 'reference: rows',
    reader: 'reference',
    write: (n: number) => utf8(`gloss_id,label,cat_id,category\n${times(n, 20, (index) => `${index % 100_000},w${index},0,c\n`)}`),
  },
  { title: 'report: open tags', reader: 'report', write: (n: number) => utf8('<p '.repeat(n / 3)) },
  { title: 'report: spaces in a tag', reader: 'report', write: (n: number) => utf8(`<p${' a'.repeat(n / 2)}`) },
  { title: 'report: attributes', reader: 'report', write: (n: number) => utf8('<p class="a" id="b" title="c" alt="d">'.repeat(n / 37)) },
  { title: 'labels: an open quote', reader: 'labels', write: (n: number) => utf8(`file,gloss,cat\n"${'a\n'.repeat(n / 2)}`) },
];

const HISTORY =
  'date,version,data,fingerprint,clips,gloss_acc,gloss_low,gloss_high,cat_acc,cat_low,cat_high,f1_weighted,expected_calibration_error,verdict,basis';
const [, , MARK = '', , END_MARK = ''] = notesLines();

const tarHeader = (path: string, size = 0, type: 'File' | 'ExtendedHeader' = 'File'): Buffer => {
  const block = Buffer.alloc(512);
  new Header({ path, size, type, mode: 0o644, mtime: new Date(0) }).encode(block);
  return block;
};
const tarEntries = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, (_, index) => tarHeader(`m/${index}`)));
const paddedTo512 = (content: string): Buffer => Buffer.from(content + '\0'.repeat((512 - (content.length % 512)) % 512));
const END_OF_TAR = Buffer.alloc(1024);

/** What is packed grows by its unpacked size, with as much packed as comes of it. */
const PACKS: readonly GrowthFamily[] = [
  { title: 'zeros behind the end', write: (n: number) => gzipSync(Buffer.concat([tarEntries(1), Buffer.alloc(200 * n)])) },
  {
    title: 'zeros before the end',
    write: (n: number) =>
      gzipSync(Buffer.concat([tarHeader('m/zeros', 100 * n - ((100 * n) % 512)), Buffer.alloc(100 * n - ((100 * n) % 512)), END_OF_TAR])),
  },
  { title: 'entries', write: (n: number) => gzipSync(Buffer.concat([tarEntries(n / 100), END_OF_TAR])) },
  {
    title: 'entries with a block of zeros between',
    write: (n: number) =>
      gzipSync(
        Buffer.concat([
          ...Array.from({ length: n / 200 }, (_, index) => Buffer.concat([tarHeader(`m/${index}`), Buffer.alloc(512)])),
          END_OF_TAR,
        ]),
      ),
  },
  {
    title: 'long names of names',
    write: (n: number) =>
      gzipSync(
        Buffer.concat([
          ...Array.from({ length: n / 10_000 }, (_, index) =>
            Buffer.concat([tarHeader('p', 900_000, 'ExtendedHeader'), paddedTo512('5 k=\n'.repeat(180_000)), tarHeader(`m/${index}`)]),
          ),
          END_OF_TAR,
        ]),
      ),
  },
  {
    title: 'pieces of gzip',
    write: (n: number) =>
      Buffer.concat([gzipSync(Buffer.concat([tarEntries(1), END_OF_TAR])), ...Array.from({ length: n / 20 }, () => gzipSync(''))]),
  },
].map((family) => ({ ...family, title: `pack: ${family.title}`, reader: 'pack' }));

const clipOf = (meta: string): Uint8Array =>
  formatNpz({
    X: { dtype: 'float32', shape: [10, 156], values: Float32Array.from({ length: 1560 }, (_, index) => index / 1560) },
    meta: { dtype: 'text', shape: [], values: [meta] },
  });
const CLIPS: readonly GrowthFamily[] = [
  { title: 'meta of zero bytes', write: (n: number) => clipOf(`{${'\0'.repeat(n)}x`) },
  { title: 'meta of spaces', write: (n: number) => clipOf(`{${' '.repeat(n)}`) },
  { title: 'meta of levels', write: (n: number) => clipOf('['.repeat(n / 2) + ']'.repeat(n / 2)) },
  { title: 'meta of keys', write: (n: number) => clipOf(`{${times(n, 12, (index) => `${index === 0 ? '' : ','}"k${index}":1`)}}`) },
  {
    title: 'zeros',
    write: (n: number) =>
      formatNpz({ X: { dtype: 'float32', shape: [Math.floor(n / 5), 156], values: new Float32Array(Math.floor(n / 5) * 156) } }),
  },
  {
    title: 'arrays',
    write: (n: number) =>
      formatNpz(
        Object.fromEntries(
          Array.from({ length: n / 250 }, (_, index) => [`a${index}`, { dtype: 'float32', shape: [1], values: Float32Array.of(1) }]),
        ),
      ),
  },
].map((family) => ({ ...family, title: `clip: ${family.title}`, reader: 'clip' }));

/** All families. */
export const growthFamilies: readonly GrowthFamily[] = [
  ...growthPickles,
  ...growthShared,
  ...ARCHIVES,
  ...TEXTS,
  ...PACKS,
  ...CLIPS,
  ...growthPictures,
];
