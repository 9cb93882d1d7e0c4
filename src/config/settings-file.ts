import { UserError } from '../foundation/errors';
import { FileSystemProblem } from '../foundation/file-system-problem';
import { parseJson } from '../foundation/json';
import { readRegularText } from '../foundation/regular-file';
import type { SettingsLayer } from './layers';

const LARGEST_FILE = 1_000_000;

/**
 * Reads a file of settings: one JSON object, its keys unchecked.
 * @param shownAs how messages name the file.
 * @throws UserError where it cannot be read, is no JSON (with line and column) or no object.
 */
export function readSettingsFile(file: string, shownAs: string = file): SettingsLayer {
  const content = read(file, shownAs);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new UserError(`${shownAs}: expected one JSON object of settings, as {"batch_size": 32}`);
  }
  return { source: shownAs, values: { ...content } };
}

function read(file: string, shownAs: string): unknown {
  const text = asShown(file, () => readRegularText(file, LARGEST_FILE), `${shownAs}: the file of settings cannot be read`);
  return asShown(file, () => parseJson(text), shownAs);
}

/** Puts the name that messages use before what is wrong, in the place of the file's own. */
function asShown<Value>(file: string, action: () => Value, said: string): Value {
  try {
    return action();
  } catch (error) {
    if (error instanceof UserError && !(error instanceof FileSystemProblem))
      throw new UserError(`${said}: ${error.message.replace(`${file}: `, '')}`, { cause: error });
    throw error;
  }
}
