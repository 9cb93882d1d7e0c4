import { existsSync, statSync, type Stats } from 'node:fs';
import { z } from 'zod';
import { parseJson } from '../foundation/json';
import { openNpz } from '../data/npz';
import type { Video } from './find-videos';

/** What a clip was made of, and how: while this is the same, it need not be made anew. */
export interface ClipOrigin {
  /** How the user names the video. */
  readonly video: string;
  readonly bytes: number;
  /** When the video was changed last, in milliseconds since 1970. */
  readonly changed: number;
  /** What decides what is read of a video. */
  readonly settings: ExtractionSettings;
}

/** What decides what is read of a video; in clips' metas, so that a clip tells what it was made with. */
export interface ExtractionSettings {
  readonly fps: number;
  /** Of each package that has a part in it. */
  readonly versions: Readonly<Record<string, string>>;
  /** Which backbone computed features; null where none did. */
  readonly backbone: string | null;
}

/** The origin that a clip of a video is to have. */
export function originOf({ source, file }: Video, settings: ExtractionSettings): ClipOrigin {
  const { size, mtimeMs }: Stats = statSync(file);
  return { video: source, bytes: size, changed: Math.round(mtimeMs), settings };
}

const clipMeta = z.object({
  gloss: z.string(),
  occlusion: z.object({ share: z.number(), longest_run: z.number() }),
  extraction: z.object({ video: z.string(), bytes: z.number(), changed: z.number(), settings: z.unknown() }),
});

/** What a clip that is there says of itself, where it was made by this room. */
export type ClipMeta = z.output<typeof clipMeta>;

/** @returns undefined where there is no clip, or one of another make, or a damaged one. */
export async function readClipMeta(file: string): Promise<ClipMeta | undefined> {
  if (!existsSync(file)) return undefined;
  try {
    const npz = await openNpz(file);
    const meta = npz.has('meta') ? await npz.read('meta') : undefined;
    if (meta?.dtype !== 'text' || meta.values[0] === undefined) return undefined;
    return clipMeta.safeParse(parseJson(meta.values[0])).data;
  } catch {
    return undefined;
  }
}

/** How a clip that is there stands to the one that is wanted. */
export function standing({ extraction, gloss }: ClipMeta, wanted: ClipOrigin, sign: string): 'same' | 'other settings' | 'other video' {
  const { settings, ...video } = extraction;
  const { settings: wantedSettings, ...wantedVideo } = wanted;
  if (JSON.stringify(video) !== JSON.stringify(wantedVideo) || gloss !== sign) return 'other video';
  return JSON.stringify(settings) === JSON.stringify(wantedSettings) ? 'same' : 'other settings';
}
