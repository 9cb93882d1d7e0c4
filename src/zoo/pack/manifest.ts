import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../config/settings-file';
import { messageOf, UserError } from '../../foundation/errors';
import { FileSystemProblem } from '../../foundation/file-system-problem';
import { readTextIfThere } from '../../foundation/regular-file';
import { checkedFileSchema } from '../archive/archived-models';
import { checksumOf } from '../checksums';
import { isSafeName } from '../../folder/folder-name';

/** The file of a pack that says what is in it. */
export const MANIFEST_FILE = 'manifest.json';
/** In bytes. */
export const LARGEST_MANIFEST = 4_000_000;
/** The folder of a pack that shows how to load the model. */
export const EXAMPLES_FOLDER = 'examples';

const manifestSchema = z.object({
  format: z.literal('kumpas-pack'),
  format_version: z.literal(1),
  name: z.string().refine(isSafeName, 'expected the name of a model folder'),
  /** Its type: the model in `config.json`. */
  model: z.string(),
  /** The version of Kumpas that packed it. */
  kumpas: z.string(),
  /** All but the manifest itself, by their paths. */
  files: z.array(checkedFileSchema),
});
/** What a pack holds, with the size and sha256 of every file. */
export type Manifest = z.infer<typeof manifestSchema>;

/** The text of a `manifest.json`. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/**
 * Reads the text of a manifest.
 * @throws UserError where it is none.
 */
export function parseManifest(text: string, place: string): Manifest {
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch (error) {
    throw new UserError(`${place}: it is no JSON that can be used (${messageOf(error)}); this is no pack that Kumpas made`, {
      cause: error,
    });
  }
  const checked = manifestSchema.safeParse(parsed);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new UserError(`${place}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}; this is no pack that Kumpas made`);
}

/** The manifest that lies in a model folder; undefined where none does. */
export function manifestIn(folder: string): Manifest | undefined {
  const file = path.join(folder, MANIFEST_FILE);
  const text = readTextIfThere(file, LARGEST_MANIFEST);
  return text === undefined ? undefined : parseManifest(text, file);
}

/** A file that is missing, or of another checksum. */
interface FileDifference {
  readonly path: string;
  readonly missing: boolean;
}

/** Files of a manifest that are not in a folder as it says. */
export function differencesFrom({ files }: Manifest, folder: string): FileDifference[] {
  const sums = new Map<string, string | undefined>();
  return files.flatMap(({ path: inner, sha256 }): FileDifference[] => {
    const file = path.join(folder, ...inner.split('/'));
    if (!existsSync(file)) return [{ path: inner, missing: true }];
    const sum = sums.has(inner) ? sums.get(inner) : checksumOrUndefined(file);
    sums.set(inner, sum);
    return sum === sha256 ? [] : [{ path: inner, missing: false }];
  });
}

/** Undefined where something else than a file is there. */
function checksumOrUndefined(file: string): string | undefined {
  try {
    return checksumOf(file);
  } catch (error) {
    if (error instanceof UserError && !(error instanceof FileSystemProblem)) return undefined;
    throw error;
  }
}
