/**
 * What a file is that was taken for another: as its first bytes tell, with what to do. A few kinds alone, those that really come in the place of checkpoints and
 * clips.
 * @param start the first bytes, 512 where there are as many.
 * @returns undefined for anything that is not known.
 */
export function foreignFile(start: Uint8Array): string | undefined {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  return (
    gitLfsPointer(bytes) ??
    signed(bytes, ENCLOSED) ??
    signed(bytes, SIGNATURES) ??
    serverPage(bytes) ??
    jsonText(bytes) ??
    protobufKind(bytes)
  );
}

/**
 * {@link foreignFile} for what comes in the place of any file, a table, settings or clip too: a pointer of Git LFS, a page of a server, something compressed, a
 * workbook of a spreadsheet. Undefined for anything else.
 */
export function stoodInFor(start: Uint8Array): string | undefined {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  return gitLfsPointer(bytes) ?? signed(bytes, ENCLOSED) ?? workbook(bytes) ?? serverPage(bytes);
}

/** {@link foreignFile} for the one kind that stands in for files of every type; undefined for anything else. */
export function gitLfsPointer(start: Uint8Array): string | undefined {
  if (!textOf(start).startsWith(LFS_START)) return undefined;
  return 'it is a Git LFS pointer, which stands for the file that was not fetched: run git lfs pull in its repository';
}

/** The first bytes as letters, without a byte order mark that an editor put before them. */
function textOf(start: Uint8Array): string {
  return Buffer.from(start.buffer, start.byteOffset, start.byteLength)
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '');
}

function signed(bytes: Buffer, signatures: readonly Signature[]): string | undefined {
  return signatures.find(({ at = 0, signature }) => bytes.subarray(at, at + signature.length).toString('latin1') === signature)?.kind;
}

/** A workbook is a zip whose first entries tell it, or of the old form a container of its own. */
function workbook(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1');
  const isOne =
    text.startsWith('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1') ||
    (text.startsWith('PK\x03\x04') && /\[Content_Types\]\.xml|_rels\/|xl\/|opendocument\.spreadsheet/.test(text));
  return isOne ? 'it is a workbook of a spreadsheet (.xlsx, .xls, .ods): save its sheet as CSV ("CSV UTF-8" in Excel)' : undefined;
}

const LFS_START = 'version https://git-lfs.github.com/spec/';

interface Signature {
  readonly signature: string;
  readonly at?: number;
  readonly kind: string;
}

const UNPACK = 'unpack it and name the file in it';
const OTHER_FRAMEWORK = 'Kumpas reads files of PyTorch and safetensors';

/** What has a file within it. */
const ENCLOSED: readonly Signature[] = [
  { signature: '\x1f\x8b', kind: `it is compressed with gzip: ${UNPACK}` },
  { signature: 'BZh', kind: `it is compressed with bzip2: ${UNPACK}` },
  { signature: '\xfd7zXZ\0', kind: `it is compressed with xz: ${UNPACK}` },
  { signature: '\x28\xb5\x2f\xfd', kind: `it is compressed with zstd: ${UNPACK}` },
  { signature: '7z\xbc\xaf\x27\x1c', kind: `it is a 7z archive: ${UNPACK}` },
  { signature: 'Rar!\x1a\x07', kind: `it is a RAR archive: ${UNPACK}` },
];

const SIGNATURES: readonly Signature[] = [
  {
    at: 257,
    signature: 'ustar',
    kind: `it is a tar archive: ${UNPACK}; where it is a checkpoint of PyTorch before 0.1.10, load and save it again in a newer PyTorch`,
  },
  { signature: '\x89HDF\r\n\x1a\n', kind: `it is an HDF5 file, as Keras saves (.h5): ${OTHER_FRAMEWORK}` },
  { at: 4, signature: 'TFL3', kind: `it is a TensorFlow Lite model: ${OTHER_FRAMEWORK}` },
  { signature: 'GGUF', kind: `it is a GGUF file of llama.cpp: ${OTHER_FRAMEWORK}` },
  { signature: '\x93NUMPY', kind: 'it is a NumPy array (.npy), not the weights of a model' },
  { signature: '%PDF', kind: 'it is a PDF' },
  { signature: '\x89PNG', kind: 'it is a picture (PNG)' },
  { signature: '\xff\xd8\xff', kind: 'it is a picture (JPEG)' },
];

/** A page in place of a file, as a server sends it that wants a log-in or does not have the file; comments may stand before it. */
function serverPage(bytes: Buffer): string | undefined {
  const text = withoutComments(textOf(bytes).toLowerCase());
  const DOWNLOAD = 'a server sent it in place of the file; download that again, logged in where it must be';
  if (/^<(?:!doctype html|html|head|body)/.test(text)) return `it is an HTML page: ${DOWNLOAD}`;
  return /^<\?xml|^<error>/.test(text) ? `it is an XML text, as an error is told: ${DOWNLOAD}` : undefined;
}

function withoutComments(text: string): string {
  let rest = text.trimStart();
  for (let end = rest.indexOf('-->'); rest.startsWith('<!--') && end !== -1; end = rest.indexOf('-->'))
    rest = rest.slice(end + 3).trimStart();
  return rest;
}

function jsonText(bytes: Buffer): string | undefined {
  return /^\s*\{\s*"/.test(textOf(bytes)) ? 'it is a JSON text, not the weights of a model' : undefined;
}

/** The protobufs of ONNX (a version, then who made it) and of TensorFlow (a version 1 and its graphs, or nodes at once). */
function protobufKind(bytes: Buffer): string | undefined {
  const [first, second, third, fourth = 0] = bytes;
  if (first === 0x08 && second === 0x01 && third === 0x12) return `it is a SavedModel of TensorFlow (.pb): ${OTHER_FRAMEWORK}`;
  const producer = bytes.subarray(4, 4 + fourth).toString('latin1');
  if (first === 0x08 && second !== undefined && second > 0 && second < 0x20 && third === 0x12 && /^[\w.\- ]+$/.test(producer))
    return `it is an ONNX model: ${OTHER_FRAMEWORK}; export the weights from the PyTorch model that it was made of`;
  return first === 0x0a && second !== undefined && third === 0x0a && /^[\w./]+$/.test(bytes.subarray(4, 4 + fourth).toString('latin1'))
    ? `it is a graph of TensorFlow (.pb): ${OTHER_FRAMEWORK}`
    : undefined;
}
