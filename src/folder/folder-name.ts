import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { messageOf, UserError } from '../foundation/errors';
import { reasonOf } from '../foundation/file-system-problem';
import { makeFolders } from '../foundation/folders';
import { required } from '../foundation/required';
import { printableLine } from '../foundation/text';

/** What a model folder's name tells: `{model_type}_{description}_{MM-DD}`. */
export interface FolderName {
  readonly type: string;
  readonly description: string;
  /** `MM-DD` */
  readonly date: string;
}

/**
 * The parts of a model folder's name; undefined where it is none as the guide asks for.
 * @param types the names of the models that there are.
 */
export function parseFolderName(name: string, types: readonly string[]): FolderName | undefined {
  const type = types.find((candidate) => name.startsWith(`${candidate}_`));
  if (type === undefined || !isSafeName(name)) return undefined;
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]*)_((?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))$/.exec(name.slice(type.length + 1));
  if (match === null) return undefined;
  return { type, description: required(match[1], 'the description'), date: required(match[2], 'the date') };
}

/** The longest name that a folder of the registry may have. */
const LONGEST_NAME = 128;

/** Whether a name can stand for a folder and nothing else: no path, no option, no control character. */
export function isSafeName(name: string): boolean {
  return name.length <= LONGEST_NAME && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) && !name.includes('..');
}

/** @throws UserError for a name that may not stand for a folder. */
export function refuseHostileName(name: string, what: string): void {
  if (isSafeName(name)) return;
  throw new UserError(
    `${what}: expected up to ${LONGEST_NAME} letters, digits, dots, dashes and underscores, starting with a letter or digit, found ${JSON.stringify(printableLine(name).slice(0, LONGEST_NAME))}`,
  );
}

/** A folder for a model, and the description in its name. */
export interface NamedFolder {
  readonly folder: string;
  readonly description: string;
}

/**
 * Makes the folder of a new run, `{model}_{description}_{MM-DD}`, and never takes one that is there: then the description becomes `baseline-2`, `baseline-3` …
 * @throws UserError where the folder cannot be made.
 */
export function createRunFolder(saveDir: string, model: string, description: string, date: Date): NamedFolder {
  try {
    makeFolders(saveDir);
    return firstFolder(saveDir, { model, description, date }, makeFolder);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`--save-dir ${error.message}`, { cause: error });
    throw new UserError(`--save-dir ${saveDir}: no folder can be made there: ${reasonOf(error) ?? messageOf(error)}`, { cause: error });
  }
}

/** The folder that {@link createRunFolder} would make; nothing is made. */
export function freeRunFolder(saveDir: string, model: string, description: string, date: Date): NamedFolder {
  return firstFolder(saveDir, { model, description, date }, (folder) => !existsSync(folder));
}

/** The first folder that can be taken: `{model}_{description}_{MM-DD}`, then with the description's `-2`, `-3` … */
function firstFolder(
  saveDir: string,
  { model, description, date }: { readonly model: string; readonly description: string; readonly date: Date },
  take: (folder: string) => boolean,
): NamedFolder {
  const month = String(date.getMonth() + 1).padStart(2, '0');
  const day = String(date.getDate()).padStart(2, '0');
  for (let attempt = 1; ; attempt++) {
    const name = attempt === 1 ? description : `${description}-${attempt}`;
    const folder = path.join(saveDir, `${model}_${name}_${month}-${day}`);
    if (take(folder)) return { folder, description: name };
  }
}

/** False where it is there already. */
function makeFolder(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
