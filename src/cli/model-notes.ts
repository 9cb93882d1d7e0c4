import type { LoadedModel } from '../evaluation/load-model';
import type { Terminal } from './command';

/** Prints what of a checkpoint was not understood, and what was taken in its place. */
export function tellNotes({ file, notes }: Pick<LoadedModel, 'file' | 'notes'>, several: boolean, { errors }: Terminal): void {
  for (const note of notes) errors.write(`note: ${several ? `${file}: ` : ''}${note}\n`);
}
