import { ModelFolder } from '../../folder/model-folder';
import { UserError } from '../../foundation/errors';
import { readTextIfThere } from '../../foundation/regular-file';
import { compareVersions, isVersion, type ReleaseRecord } from './release-record';

const LARGEST_CHANGELOG = 300_000;
const LONGEST_NOTES = 20_000;

/** An entry of a changelog. */
export interface ChangelogEntry {
  readonly version: string;
  /** `YYYY-MM-DD`; empty where its heading has none. */
  readonly date: string;
  /** What is below its heading. */
  readonly text: string;
}

/**
 * A model folder's changelog as it is; undefined where there is none.
 * @throws UserError where it is too large.
 */
export function readChangelog(folder: string): string | undefined {
  return readTextIfThere(new ModelFolder(folder).changelog, LARGEST_CHANGELOG);
}

/** The changelog of a model folder with the entries of all its releases: those that are there stay as they are, whatever people made of them. */
export function completedChangelog(text: string | undefined, model: string, releases: readonly ReleaseRecord[]): string {
  const inherited = releases.find(({ inherited_changelog: entries }) => entries !== null)?.inherited_changelog ?? '';
  let completed = text ?? [`# Changelog of ${model}`, ...(inherited === '' ? [] : [inherited.trim()])].join('\n\n');
  for (const release of releases) completed = withEntry(completed, release);
  return `${completed.trimEnd()}\n`;
}

/** The entries of a changelog, as they stand in it. */
export function changelogEntries(text: string): ChangelogEntry[] {
  const lines = text.split('\n');
  const starts = headings(lines);
  return starts.map(({ line, version, date }, index) => {
    const end = starts[index + 1]?.line ?? lines.length;
    return {
      version,
      date,
      text: lines
        .slice(line + 1, end)
        .join('\n')
        .trim(),
    };
  });
}

/** The entries of a changelog alone, without what is above the first. */
export function entriesText(text: string): string {
  const lines = text.split('\n');
  const [first] = headings(lines);
  return first === undefined ? '' : lines.slice(first.line).join('\n').trim();
}

/** An entry of a release. */
export function entryText({ version, created, changelog }: Pick<ReleaseRecord, 'version' | 'created' | 'changelog'>): string {
  return [`## v${version} - ${created.slice(0, 10)}`, '', ...changelog.map((line) => `- ${line}`)].join('\n');
}

/**
 * Notes as bullets: a line of text each, and nothing in them that Markdown would take for a heading, a list, a block of code or a comment.
 * @throws UserError where there is nothing in them, or too much.
 */
export function noteLines(notes: readonly string[]): string[] {
  const lines = notes.flatMap((note) => note.split(/[\n\r\v\f\u0085\u2028\u2029]+/)).map(harmless);
  const said = lines.filter((line) => line !== '');
  if (said.length === 0) throw new UserError('--notes is missing: say what changed, as --notes "fewer confusions among numbers"');
  if (said.join('').length > LONGEST_NOTES)
    throw new UserError(`--notes: expected at most ${LONGEST_NOTES} letters, found ${said.join('').length}`);
  return said;
}

/** A text as one line of Markdown that forms nothing at its start, hides nothing after it, and turns no writing round. */
export function harmless(text: string): string {
  return text
    .replace(/[\p{Cc}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^([#>*+=~`|_[-])/, String.raw`\$1`)
    .replace(/^(\d+)([.)])/, String.raw`$1\$2`)
    .replaceAll('<', String.raw`\<`);
}

interface Heading {
  readonly line: number;
  readonly version: string;
  readonly date: string;
}

function headings(lines: readonly string[]): Heading[] {
  return lines.flatMap((text, line) => {
    const [, version = '', date = ''] = /^## \[?v?(\d+\.\d+\.\d+)\]?(?: - (\d{4}-\d{2}-\d{2}))?\s*$/.exec(text) ?? [];
    return isVersion(version) ? [{ line, version, date }] : [];
  });
}

/** Puts an entry in before the first one of an older version. */
function withEntry(text: string, release: ReleaseRecord): string {
  const lines = text.split('\n');
  const found = headings(lines);
  if (found.some(({ version }) => version === release.version)) return text;
  const older = found.find(({ version }) => compareVersions(version, release.version) < 0);
  const place = older?.line ?? lines.length;
  const [above, below] = [lines.slice(0, place).join('\n').trimEnd(), lines.slice(place).join('\n')];
  return [above, entryText(release), below].filter((part) => part.trim() !== '').join('\n\n');
}
