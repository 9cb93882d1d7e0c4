import { RELEASE_FILE, RESULTS_FOLDER } from '../../folder/model-folder';
import { RESULT_FILES } from '../../folder/contents';
import { UserError } from '../../foundation/errors';
import { RECORD_FILE } from '../../folder/config-file';
import { HISTORY_FILE, HISTORY_PICTURE } from '../monitor/history';
import { CHANGELOG_FILE } from '../release/changelog';
import { PRODUCTION_RECORD_FILE } from '../release/production-record';
import { RELEASES_FOLDER } from '../release/release-record';
import { EXAMPLE_FILES } from './examples';

/** What a file of a pack is, which says what may be in it. */
export type ContentKind =
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

const RELEASE = `${RELEASES_FOLDER}/v\\d{1,9}\\.\\d{1,9}\\.\\d{1,9}`;

const PACKED: readonly PackedFiles[] = [
  { pattern: exactly(`(?:README\\.md|${literal(CHANGELOG_FILE)})`), kind: 'text' },
  { pattern: exactly(literal(RECORD_FILE)), kind: 'record' },
  { pattern: exactly('training_log\\.txt'), kind: 'log' },
  { pattern: exactly('metrics\\.jsonl'), kind: 'figures' },
  { pattern: exactly(literal(PRODUCTION_RECORD_FILE)), kind: 'production record' },
  { pattern: exactly(literal(HISTORY_FILE)), kind: 'text' },
  { pattern: exactly(literal(HISTORY_PICTURE)), kind: 'picture' },
  { pattern: exactly('[^/]+_(?:best|production)\\.pt'), kind: 'checkpoint' },
  { pattern: exactly('[^/]+_last\\.pt'), kind: 'checkpoint', last: true },
  ...results(RESULTS_FOLDER),
  ...results(`${RESULTS_FOLDER}_[^/]+_last`).map((files) => ({ ...files, last: true as const })),
  { pattern: exactly(`${RELEASE}/${literal(RELEASE_FILE)}`), kind: 'release record' },
  { pattern: exactly(`${RELEASE}/[^/]+\\.pt`), kind: 'checkpoint' },
  ...results(`${RELEASE}/${RESULTS_FOLDER}`),
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
