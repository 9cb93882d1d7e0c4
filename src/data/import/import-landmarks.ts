import { existsSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { checkOptions, type OptionsInput } from '../../config/layers';
import type { KeypointLayout } from '../../config/keypoint-layout';
import { layoutNamed } from '../../config/layout-description';
import { UserError } from '../../foundation/errors';
import { lockFolder } from '../../foundation/folder-lock';
import { keepFolder, makeFolders } from '../../foundation/folders';
import type { Hooks } from '../../foundation/hooks';
import { required } from '../../foundation/required';
import { counted, excerpt, listed } from '../../foundation/text';
import { writeClipFile } from '../clip-file';
import { COLLECTION_CLIPS, COLLECTION_LABELS, type CollectedClip } from '../collections/collection-rows';

import { writeCollectionTables } from '../collections/collection-tables';
import { readCategories } from '../collections/read-categories';
import { readCsvTable } from '../csv-table';
import { byCause, FileError, type DataProblem } from '../data-error';
import { listFolder, placeOf, type FolderListing } from './folder-listing';
import { recogniseFolder, type RecognisedAs } from './formats';
import { orderOfParts } from './frame-shapes';
import { isImported, removeUnfinishedClips, sourceKey } from './imported-clips';
import type { FormatName, Reading, SourceClip } from './landmark-format';
import { PARTS, type LandmarkClip, type PictureSize } from './landmarks';
import { importOptions } from './options';
import { tellSigns, type KnownSign } from './signs';
import { projectClip, trackNameOf, type Projected, type Projection } from './to-clip';

/** What {@link importLandmarks} is asked for. */
export type ImportLandmarksOptions = OptionsInput<typeof importOptions>;

/** What the folder was recognised as; the first clip follows. */
export interface ImportStarted {
  readonly kind: 'start';
  readonly format: FormatName;
  /** In words. */
  readonly found: string;
  readonly clips: number;
  readonly signs: number;
  /** How the signs were told, in words. */
  readonly signsFrom: string;
}

/** A clip that could not be used, and why. */
export interface LandmarksLeftOut extends DataProblem {
  readonly kind: 'clip-left-out';
}

/** What came of {@link importLandmarks}. */
export interface ImportedLandmarks {
  readonly from: string;
  readonly out: string;
  readonly format: FormatName;
  readonly found: string;
  readonly signs: number;
  readonly signsFrom: string;
  readonly layout: string;
  readonly imported: number;
  /** Clips that were there already, of the same source and settings. */
  readonly skipped: number;
  readonly problems: readonly DataProblem[];
  /** What was left out, taken for something or missing, a line each. */
  readonly notes: readonly string[];
}

/**
 * Makes a collection of clips (`keypoints/`, `labels.csv`, `labels_reference.csv`) of a folder of landmarks, in whichever format they are. Clips that are there of the
 * same source and with the same settings are left alone, so that an import that was stopped goes on where it was; a clip that cannot be used is left out, which an
 * event says, and the others go on.
 * @throws UserError where the folder holds no landmarks that are known, no sign can be told, or `out` holds a collection of other clips.
 */
export async function importLandmarks(
  options: ImportLandmarksOptions,
  hooks: Hooks<ImportStarted | LandmarksLeftOut> = {},
): Promise<ImportedLandmarks> {
  const given = checkOptions(importOptions, { source: 'importLandmarks()', values: options });
  const { landmarks: from, out, size, order, fill_gaps: fillGaps, visibility, fps } = given;
  const layout = layoutNamed(given.layout, '--layout');
  const projection: Projection = { layout, fps, visibility, fillGaps, size: size === undefined ? undefined : pictureSizeOf(size) };
  const reading: Reading = { order: order === undefined ? undefined : orderOfParts(order) };
  const listing = listFolder(from);
  const recognised = await recogniseFolder(listing, given.from);
  if (recognised.unknown !== undefined && reading.order === undefined) throw new UserError(`${from}: ${recognised.unknown}`);
  requireDifferentNames(from, recognised.clips);
  const told = await tellSigns(listing, recognised.clips, given.labels);
  if (told.of.size === 0) throw new UserError(`${from}: no clip's sign is known by ${told.from}; name a table with --labels`);
  const signs = new Set([...told.of.values()].map(({ sign }) => sign));
  const categories = given.categories === undefined ? undefined : await readCategories(given.categories, signs);
  await refuseOtherCollection(out, recognised.clips);
  const { format, found } = recognised;
  hooks.onEvent?.({ kind: 'start', format, found, clips: told.of.size, signs: signs.size, signsFrom: told.from });
  const settings = { format, layout: layout.name, fps, size, order, visibility, fillGaps };
  const result = await importClips({ listing, out, format, signs: told.of, settings, reading, projection }, hooks);
  if (result.collected.length > 0) writeCollectionTables(out, result.collected, categories, layout);
  const notes = [...notesOfSource(recognised, told.unknown.length, told.absent, told.from), ...result.report.notes(layout)];
  const { imported, skipped, problems } = result;
  return { from, out, format, found, signs: signs.size, signsFrom: told.from, layout: layout.name, imported, skipped, problems, notes };
}

/** All that importing clips takes. */
interface Import {
  readonly listing: FolderListing;
  readonly out: string;
  readonly format: FormatName;
  readonly signs: ReadonlyMap<SourceClip, KnownSign>;
  /** What a clip depends on beside its source. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly reading: Reading;
  readonly projection: Projection;
}

interface ImportedClips {
  readonly collected: readonly CollectedClip[];
  readonly imported: number;
  readonly skipped: number;
  readonly problems: readonly DataProblem[];
  readonly report: ImportReport;
}

async function importClips(work: Import, { onEvent, signal }: Hooks<ImportStarted | LandmarksLeftOut>): Promise<ImportedClips> {
  const { listing, out, signs } = work;
  const folder = path.join(out, COLLECTION_CLIPS);
  makeFolders(folder);
  const lock = lockFolder(out, 'data import');
  const kept = keepFolder(folder);
  try {
    removeUnfinishedClips(folder);
    const collected: CollectedClip[] = [];
    const problems: DataProblem[] = [];
    const report = new ImportReport();
    let [imported, done] = [0, 0];
    for (const [clip, known] of signs) {
      signal?.throwIfAborted();
      kept.requireThere();
      try {
        if (await importClip(work, clip, known, report)) imported++;
        collected.push({ name: clip.name, ...known });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        const problem = { file: placeOf(listing, clip.name), problem: error instanceof FileError ? error.problem : error.message };
        problems.push(problem);
        onEvent?.({ kind: 'clip-left-out', ...problem });
      }
      onEvent?.({ kind: 'clips-written', done: ++done, total: signs.size });
      await nextTurn(); // So that a signal is heard.
    }
    return { collected, imported, skipped: collected.length - imported, problems, report };
  } finally {
    kept.release();
    lock.release();
  }
}

/** Imports one clip. @returns false where it was there already. */
async function importClip(work: Import, clip: SourceClip, known: KnownSign, report: ImportReport): Promise<boolean> {
  if (/[\p{Cc}\\]/u.test(clip.name)) throw new UserError('its name has characters that no table can hold; rename it');
  const { listing, projection, reading } = work;
  const file = path.join(work.out, COLLECTION_CLIPS, `${clip.name}.npz`);
  const key = sourceKey(listing, clip.files, { ...work.settings, ...known });
  if (await isImported(file, key)) return false;
  const landmarks = await clip.read(reading);
  const projected = projectClip(landmarks, projection);
  const { sign, signer } = known;
  const meta = {
    file: clip.name,
    gloss: sign,
    ...(signer === undefined ? {} : { signer }),
    source: `landmarks, ${work.format}`,
    import_key: key,
  };
  writeClipFile(file, { ...projected.clip, meta });
  report.add(clip.name, landmarks, projected);
  return true;
}

/** Gathers what is to be said of the clips, so that what many have in common is one line. */
class ImportReport {
  private readonly remarks: DataProblem[] = [];
  private readonly parts = new Set<string>();
  private unused: string | undefined;
  private clips = 0;
  private clamped = 0;
  private coordinates = 0;
  private filled = 0;

  add(name: string, landmarks: LandmarkClip, { clip, notes, clamped, coordinates, filled }: Projected): void {
    this.clips++;
    for (const part of required(clip.layout, 'the layout of an imported clip').parts)
      if (landmarks.trackIfThere(trackNameOf(part)) !== undefined) this.parts.add(part.name);
    for (const problem of [...landmarks.notes, ...notes]) this.remarks.push({ file: name, problem });
    this.unused ??= unusedOf(landmarks, required(clip.layout, 'the layout of an imported clip'));
    this.clamped += clamped;
    this.coordinates += coordinates;
    this.filled += filled;
  }

  /** A line each; none where nothing was imported. */
  notes(layout: KeypointLayout): string[] {
    if (this.clips === 0) return [];
    const missing = layout.parts.filter(({ name }) => !this.parts.has(name));
    const share = (100 * this.clamped) / this.coordinates;
    return [
      ...(missing.length === 0
        ? []
        : [`missing: ${missing.map(({ name, count }) => `${name} (${count} points)`).join(', ')}; these points stay empty`]),
      ...(this.unused === '' || this.unused === undefined ? [] : [`left out: ${this.unused}, which ${layout.name} lacks`]),
      ...(this.clamped === 0
        ? []
        : [
            `${counted(this.clamped, 'coordinate')} (${share.toFixed(1)} %) lay outside the picture and were moved to its edge${share > 20 ? '; are they shares of the picture at all?' : ''}`,
          ]),
      ...(this.filled === 0
        ? []
        : [`${counted(this.filled, 'missing point')} in short gaps filled from the frames around them; --fill-gaps 0 leaves them missing`]),
      ...byCause(this.remarks).map(([{ file, problem }, ...others]) =>
        others.length === 0 ? `${file}: ${problem}` : `${counted(others.length + 1, 'clip')}, the first ${file}: ${problem}`,
      ),
    ];
  }
}

/** What a source has and the layout lacks, in words. */
function unusedOf(landmarks: LandmarkClip, layout: KeypointLayout): string {
  const wanted = new Set(layout.points);
  const unused = PARTS.flatMap((part) => {
    const track = landmarks.trackIfThere(part);
    const found = track === undefined ? [] : track.landmarksThere().map((landmark) => `${part}_${landmark}`);
    const count = found.filter((point) => !wanted.has(point)).length;
    return count === 0 ? [] : [`${counted(count, 'point')} of the ${part.replace('_', ' ')}`];
  });
  const depth = layout.dimensions === 2 && landmarks.parts.some((part) => landmarks.track(part).hasDepth) ? ['z'] : [];
  return [...unused, ...depth].join(', ');
}

function notesOfSource({ besides }: RecognisedAs, unknown: number, absent: number, signsFrom: string): string[] {
  return [
    ...besides.map((other) => `there are others beside them, left out: ${other}; --from chooses`),
    ...(unknown === 0 ? [] : [`${counted(unknown, 'clip')} left out, of which no sign is known by ${signsFrom}`]),
    ...(absent === 0 ? [] : [`${counted(absent, 'row')} of ${signsFrom} without a clip that is there, or without a sign`]),
  ];
}

/** @throws UserError where a text is no size of a picture. */
function pictureSizeOf(text: string): PictureSize {
  const [, width, height] = /^(\d{1,5})\s*[x×]\s*(\d{1,5})$/i.exec(text) ?? [];
  if (width === undefined || height === undefined || Number(width) === 0 || Number(height) === 0)
    throw new UserError(`--size: expected width and height in pixels, as 1280x720, found "${excerpt(text)}"`);
  return { width: Number(width), height: Number(height) };
}

function requireDifferentNames(from: string, clips: readonly SourceClip[]): void {
  const names = new Map<string, SourceClip>();
  for (const clip of clips) {
    const other = names.get(clip.name);
    if (other !== undefined)
      throw new UserError(
        `${from}: ${required(other.files[0], 'a file')} and ${required(clip.files[0], 'a file')} would be one clip, ${clip.name}; keep one`,
      );
    names.set(clip.name, clip);
  }
}

/** @throws UserError where `out` is a collection of clips that are not of this source: its tables would forget them. */
async function refuseOtherCollection(out: string, clips: readonly SourceClip[]): Promise<void> {
  const table = path.join(out, COLLECTION_LABELS);
  if (!existsSync(table)) return;
  const names = new Set(clips.map(({ name }) => name.normalize('NFC')));
  const others = (await readCsvTable(table, ['file'])).rows
    .map((row) => row.cell('file') ?? '')
    .filter((name) => !names.has(name.normalize('NFC')));
  if (others.length > 0)
    throw new UserError(
      `--out ${out}: it is a collection of other clips (${listed(
        others.map((name) => excerpt(name)),
        2,
      )}); choose another folder`,
    );
}
