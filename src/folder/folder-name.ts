import { UserError } from '../foundation/errors';
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
  if (type === undefined) return undefined;
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]*)_((?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))$/.exec(name.slice(type.length + 1));
  const [, description = '', date = ''] = match ?? [];
  return match === null || !isSafeName(name) ? undefined : { type, description, date };
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
