import type { PartName, LandmarkClip } from './landmarks';
import type { FolderListing } from './folder-listing';

/** The formats by their words, as `--from` takes them. */
export const FORMAT_NAMES = ['holistic', 'npy', 'pose', 'parquet', 'csv', 'json', 'openpose'] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];

/** How a source is read, where the files leave something open. */
export interface Reading {
  /** The parts in the order that their numbers follow each other in a frame. */
  readonly order: readonly PartName[] | undefined;
}

/** A clip that a format found in a folder, before it is read. */
export interface SourceClip {
  /** Its place in the folder, without an ending: what the clip is called. */
  readonly name: string;
  /** The files that it is made of, by their paths from the folder. */
  readonly files: readonly string[];
  /** The folder that holds the clips of one sign, where the format has such. */
  readonly signFolder: string;
  /** @throws UserError where it cannot be read: without the file's name where it is one of `files`. */
  readonly read: (reading: Reading) => Promise<LandmarkClip> | LandmarkClip;
}

/** What a format takes a folder for. */
export interface Recognised {
  readonly clips: readonly SourceClip[];
  /** In words, with what a clip looks like: `MediaPipe Holistic, a .npy a frame: 1662 numbers …`. */
  readonly found: string;
  /** Why the clips cannot be understood without more being said, where they are of the format and of no layout that is known. */
  readonly unknown?: string;
}

/** A way in which landmarks are kept. */
export interface LandmarkFormat {
  readonly name: FormatName;
  /** What it is, in a few words. */
  readonly title: string;
  /** The clips that it finds in a folder; undefined where it is none of its. Looks into a file or two. */
  readonly recognise: (listing: FolderListing) => Promise<Recognised | undefined>;
}
