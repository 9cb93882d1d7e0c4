import { isUtf8 } from 'node:buffer';
import path from 'node:path';
import { foreignPart } from '../../evaluation/report/markup';
import { readEvaluation } from '../../evaluation/results/contents';
import { FOLDER_FILES, RELEASE_FILE, RESULT_FILES, hasRole, checkpointEnding } from '../../folder/contents';
import { ModelFolder } from '../../folder/model-folder';
import { readTrainingLog } from '../../folder/training-log';
import { UserError } from '../../foundation/errors';
import { readRegularFile } from '../../foundation/regular-file';
import type { CheckedFile } from '../archive/archived-models';
import { problem, valueOrFault, type FolderFinding } from '../check/findings';
import { HISTORY_FILE, HISTORY_PICTURE } from '../monitor/history';
import { PRODUCTION_RECORD_FILE, readProduction, readRelease, type ProductionRecord, type Release } from '../release/release-record';
import { EXAMPLE_FILES } from './manifest';

/** What a file of a pack is, which says what may be in it. */
type ContentKind =
  | 'checkpoint'
  | 'evaluation'
  | 'example'
  | 'figures'
  | 'log'
  | 'page'
  | 'picture'
  | 'production record'
  | 'record'
  | 'release record'
  | 'text';

/** The files that a pack can hold, besides its manifest. */
interface PackedFiles {
  readonly pattern: RegExp;
  readonly kind: ContentKind;
  /** Whether they belong to the state to go on training from, which is packed only where it is asked for. */
  readonly last?: true;
}

const RELEASE = `${FOLDER_FILES.releases}/v\\d{1,9}\\.\\d{1,9}\\.\\d{1,9}`;

const PACKED: readonly PackedFiles[] = [
  { pattern: exactly(`(?:${literal(FOLDER_FILES.readme)}|${literal(FOLDER_FILES.changelog)})`), kind: 'text' },
  { pattern: exactly(literal(FOLDER_FILES.config)), kind: 'record' },
  { pattern: exactly(literal(FOLDER_FILES.log)), kind: 'log' },
  { pattern: exactly(literal(FOLDER_FILES.metrics)), kind: 'figures' },
  { pattern: exactly(literal(PRODUCTION_RECORD_FILE)), kind: 'production record' },
  { pattern: exactly(literal(HISTORY_FILE)), kind: 'text' },
  { pattern: exactly(literal(HISTORY_PICTURE)), kind: 'picture' },
  { pattern: exactly(`[^/]+(?:${literal(checkpointEnding('best'))}|${literal(checkpointEnding('production'))})`), kind: 'checkpoint' },
  { pattern: exactly(`[^/]+${literal(checkpointEnding('last'))}`), kind: 'checkpoint', last: true },
  ...results(FOLDER_FILES.results),
  ...results(`${FOLDER_FILES.results}_[^/]+_last`).map((files) => ({ ...files, last: true as const })),
  { pattern: exactly(`${RELEASE}/${literal(RELEASE_FILE)}`), kind: 'release record' },
  { pattern: exactly(`${RELEASE}/[^/]+\\.pt`), kind: 'checkpoint' },
  ...results(`${RELEASE}/${FOLDER_FILES.results}`),
  ...EXAMPLE_FILES.map((file): PackedFiles => ({ pattern: exactly(literal(file)), kind: 'example' })),
];

/** What a file of a pack is, by its path from the model folder; undefined for what `pack` does not write. */
export function contentKind(inner: string): ContentKind | undefined {
  return packedFiles(inner)?.kind;
}

/** Whether a file of a model folder is packed. */
export function isPacked(inner: string, withLast: boolean): boolean {
  const files = packedFiles(inner);
  return files !== undefined && files.kind !== 'example' && (withLast || files.last !== true);
}

const MOST_NAMED = 10;

/**
 * @param place the pack
 * @throws UserError that names the files which `pack` does not write.
 */
export function refuseForeignFiles(place: string, paths: readonly string[]): void {
  const foreign = paths.filter((inner) => contentKind(inner) === undefined);
  if (foreign.length === 0) return;
  const more = foreign.length > MOST_NAMED ? ` and ${foreign.length - MOST_NAMED} more` : '';
  throw new UserError(
    `${place}: it holds files that pack does not write: ${foreign.slice(0, MOST_NAMED).join(', ')}${more}; nothing was written. Ask whoever sent it for a pack as npm run models -- pack makes it`,
  );
}

function packedFiles(inner: string): PackedFiles | undefined {
  return PACKED.find(({ pattern }) => pattern.test(inner));
}

/** The files of an evaluation, which lie in a folder that `folder` is the pattern of. */
function results(folder: string): PackedFiles[] {
  return Object.values(RESULT_FILES).map((file) => ({ pattern: exactly(`${folder}/${literal(file)}`), kind: resultKind(file) }));
}

function resultKind(file: string): ContentKind {
  if (file === RESULT_FILES.document) return 'evaluation';
  if (file === RESULT_FILES.report) return 'page';
  return file.endsWith('.png') ? 'picture' : 'text';
}

/** No part of a path that is packed begins with a dot. */
function exactly(pattern: string): RegExp {
  return new RegExp(`^(?!(?:.*/)?\\.)${pattern}$`);
}

function literal(name: string): string {
  return name.replaceAll('.', '\\.');
}

const MOST_BYTES = 512 * 1024 * 1024;

/**
 * What is in files of a model folder that Kumpas would not have written there: each is looked at as what its name says it is, and a checkpoint of a release or a
 * promotion must be the one that its record tells of. Checkpoints are opened elsewhere.
 */
export function contentFindings(folder: string, files: readonly CheckedFile[]): FolderFinding[] {
  return files.flatMap(({ path: inner }) => {
    const kind = contentKind(inner);
    if (kind === undefined || kind === 'checkpoint' || kind === 'example') return [];
    const file = path.join(folder, ...inner.split('/'));
    const read = valueOrFault(() => {
      CHECKS[kind](file);
    });
    if ('fault' in read) return [finding(inner, withoutPlace(read.fault, file))];
    if (kind === 'release record') return unrecordedCheckpoints(inner, releaseIn(file).record.checkpoint, files);
    return kind === 'production record' ? unrecordedCheckpoints(inner, productionIn(file), files) : [];
  });
}

/** Checkpoints beside a record that are not the one it tells of; of a model folder, the production checkpoint alone. */
function unrecordedCheckpoints(
  record: string,
  recorded: Pick<ProductionRecord, 'file' | 'sha256'>,
  files: readonly CheckedFile[],
): FolderFinding[] {
  const folder = path.posix.dirname(record);
  const beside = files.filter(({ path: inner }) => path.posix.dirname(inner) === folder && inner.endsWith('.pt'));
  const ofRecord = folder === '.' ? beside.filter(({ path: inner }) => hasRole(inner, 'production')) : beside;
  const others = ofRecord.filter(({ path: inner, sha256 }) => path.posix.basename(inner) !== recorded.file || sha256 !== recorded.sha256);
  const missing = ofRecord.some(({ path: inner }) => path.posix.basename(inner) === recorded.file) ? [] : [recorded.file];
  return [
    ...others.map(({ path: inner }) => finding(inner, `it is not the checkpoint that ${record} tells of`)),
    ...missing.map((file) => finding(record, `${file}, which it tells of, is missing`)),
  ];
}

function finding(inner: string, what: string): FolderFinding {
  return problem(inner, what, 'put back what Kumpas wrote, or leave it out');
}

/** Each throws a UserError where the file is not what it should be. */
const CHECKS: Readonly<Record<Exclude<ContentKind, 'checkpoint' | 'example'>, (file: string) => unknown>> = {
  text: readPlainText,
  record: (file) => [readPlainText(file), new ModelFolder(path.dirname(file)).readConfig()],
  log: (file) => [readPlainText(file), readTrainingLog(file)],
  figures: readFigures,
  'production record': (file) => [readPlainText(file), productionIn(file)],
  'release record': (file) => [readPlainText(file), releaseIn(file)],
  evaluation: (file) => [readPlainText(file), readEvaluation(file)],
  page: (file) => {
    const foreign = foreignPart(readPlainText(file));
    if (foreign !== undefined) throw new UserError(`${file}: ${foreign}`);
  },
  picture: (file) => {
    if (!isPicture(readRegularFile(file, MOST_BYTES))) throw new UserError(`${file}: it is no PNG picture, or more than one`);
  },
};

/** The release that a `releases/vX.Y.Z/release.json` is of. */
function releaseIn(file: string): Release {
  return readRelease(path.resolve(file, '../../..'), path.basename(path.dirname(file)).slice(1));
}

function productionIn(file: string): ProductionRecord {
  const record = readProduction(path.dirname(file));
  if (record === undefined) throw new Error(`${file} is gone`);
  return record;
}

/** A text that a terminal and an editor show as it is. */
function readPlainText(file: string): string {
  const bytes = readRegularFile(file, MOST_BYTES);
  if (!isUtf8(bytes)) throw new UserError(`${file}: it is no text in UTF-8`);
  const text = bytes.toString('utf8');
  const hidden = /[^\P{Cc}\t\n\r]/u.exec(text);
  if (hidden === null) return text;
  const line = text.slice(0, hidden.index).split('\n').length;
  throw new UserError(`${file}: line ${line} holds a control character, which no text that Kumpas writes has`);
}

/** A line an epoch, each an object; the last may have been cut off when the training was killed. */
function readFigures(file: string): void {
  const lines = readPlainText(file)
    .split('\n')
    .filter((line) => line.trim() !== '');
  const broken = lines.findIndex((line, place) => place < lines.length - 1 && !isObject(line));
  if (broken !== -1) throw new UserError(`${file}: line ${broken + 1} is no epoch's figures`);
}

function isObject(line: string): boolean {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  } catch {
    return false;
  }
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Of a chunk, besides its bytes: its length, its type and its checksum. */
const CHUNK_BYTES = 12;

/** Whether the bytes are a PNG from the first to the last: chunks one after the other, and nothing after the one that ends it. */
function isPicture(bytes: Buffer): boolean {
  if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return false;
  for (let at = SIGNATURE.length; at + CHUNK_BYTES <= bytes.length;) {
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (at === SIGNATURE.length && type !== 'IHDR') return false;
    at += CHUNK_BYTES + bytes.readUInt32BE(at);
    if (type === 'IEND') return at === bytes.length;
  }
  return false;
}

/** The finding names the file already. */
function withoutPlace(fault: string, file: string): string {
  return fault.replaceAll(`${file}: `, '').replaceAll(`${path.dirname(file)}${path.sep}`, '');
}
