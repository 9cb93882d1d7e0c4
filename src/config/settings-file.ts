import { readFileSync, statSync } from 'node:fs';
import { messageOf, UserError } from '../foundation/errors';
import { describeJsonFault } from './json-fault';
import type { SettingsLayer } from './layers';

const LARGEST_FILE = 1_000_000;

/**
 * Reads a file of settings: one JSON object, its keys unchecked.
 * @param shownAs how messages name the file.
 * @throws UserError where it cannot be read, is no JSON (with line and column) or no object.
 */
export function readSettingsFile(file: string, shownAs: string = file): SettingsLayer {
  const text = readText(file, shownAs);
  const content = parse(text, shownAs);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new UserError(`${shownAs}: expected one JSON object of settings, as {"batch_size": 32}`);
  }
  return { source: shownAs, values: { ...content } };
}

function readText(file: string, shownAs: string): string {
  try {
    const { size } = statSync(file);
    if (size > LARGEST_FILE) throw new UserError(`${shownAs}: ${size} bytes are too many for a file of settings`);
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${shownAs}: the file of settings cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function parse(text: string, shownAs: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${shownAs}: no valid JSON: ${describeJsonFault(text) ?? messageOf(error)}`, { cause: error });
  }
}
