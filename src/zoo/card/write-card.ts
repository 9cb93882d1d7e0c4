import path from 'node:path';
import { replaceText } from '../../foundation/atomic-file';
import { withFolderLock } from '../../foundation/folder-lock';
import { asHandWritten, hasHandWrittenMarks, keepHandWritten, LARGEST_PAGE } from '../../folder/hand-written';
import { readTextIfThere } from '../../foundation/regular-file';
import { hasReplaceableFigures } from '../../folder/readme';
import type { RegisteredModel } from '../registry';
import { readCardFacts } from './card-facts';
import { cardText } from './card-text';

/** What {@link writeCard} did. */
export interface WrittenCard {
  readonly file: string;
  /** False where the card was the same already. */
  readonly changed: boolean;
  /** Whether a page that was written by hand alone was taken over as a whole, among the notes. */
  readonly tookOver: boolean;
}

/**
 * Writes the card of a model, its README.md, from what lies in its folder. What a person wrote between its marks stays; a page without any sign of Kumpas is kept
 * whole, among the notes.
 * @throws UserError where the model cannot be read, or another process is at work on it.
 */
export async function writeCard(model: RegisteredModel): Promise<WrittenCard> {
  return await withFolderLock(model.folder, 'card', () => putCard(model));
}

/** {@link writeCard} for a caller that holds the model's lock. */
export function putCard(model: RegisteredModel): WrittenCard {
  const file = path.join(model.folder, 'README.md');
  const old = readTextIfThere(file, LARGEST_PAGE) ?? '';
  const ours = old.trim() === '' || hasHandWrittenMarks(old) || hasReplaceableFigures(old) || / with Kumpas \S/.test(old);
  const text = keepHandWritten(cardText(readCardFacts(model)), ours ? old : asHandWritten(old));
  if (text !== old) replaceText(file, text);
  return { file, changed: text !== old, tookOver: !ours };
}
