import path from 'node:path';
import { harmless } from './changelog';
import { changesText, worseHeads } from './release-comparison';
import type { ReleaseRecord } from './release-record';

/** The bullets of a release in CHANGELOG.md: what it is, what its figures are and how they changed, then what its maker said of it. */
export function releaseLines(release: Omit<ReleaseRecord, 'changelog'>): string[] {
  const { model, notes, follows, previous } = release;
  return [
    `Folder: ${model}${follows !== null && previous?.model === follows ? `, which follows ${follows}` : ''}`,
    dataLine(release),
    validationLine(release),
    ...weightsLines(release),
    ...changeLines(release),
    ...notes,
  ];
}

function dataLine({ trained_with: data }: Omit<ReleaseRecord, 'changelog'>): string {
  if (data === null) return 'Data: what it was trained with is not known';
  const count = (clips: number): string => clips.toLocaleString('en');
  const made = data.synthetic ? ' (synthetic: figures say nothing about real signs)' : '';
  return `Data: ${count(data.train_clips)} training and ${count(data.validation_clips)} validation clips of ${harmless(path.basename(data.title))}${made}, fingerprint ${harmless(data.fingerprint.slice(0, 16))}`;
}

function validationLine({
  evaluation: { data, gloss, category },
  checkpoint: { epoch },
  trained_with,
}: Omit<ReleaseRecord, 'changelog'>): string {
  const at = epoch === null ? '' : ` at epoch ${epoch}`;
  const elsewhere =
    trained_with?.title === data.title ? '' : `, on ${data.clips.toLocaleString('en')} clips of ${harmless(path.basename(data.title))}`;
  return `Validation: gloss ${gloss.accuracy.toFixed(3)}, category ${category.accuracy.toFixed(3)}${at}${elsewhere}`;
}

function weightsLines({ checkpoint: { dtype, before, largest_logit_difference: difference } }: Omit<ReleaseRecord, 'changelog'>): string[] {
  if (dtype === 'float32') return [];
  return [
    `Weights: ${dtype}; in float32 gloss ${before.gloss.accuracy.toFixed(3)}, category ${before.category.accuracy.toFixed(3)}, and logits that differ by up to ${difference.toPrecision(2)}`,
  ];
}

function changeLines({ comparison, previous, changes }: Omit<ReleaseRecord, 'changelog'>): string[] {
  if (comparison === null || previous === null) return [];
  const since = `v${previous.version}`;
  const incompatible = changes.length === 0 ? [] : [`Incompatible with ${since}: ${harmless(changes.join('; '))}`];
  if (comparison.basis === 'none') return [`Accuracy against ${since}: not comparable: ${harmless(comparison.reason)}`, ...incompatible];
  const basis = comparison.basis === 'recorded' ? ', as recorded' : '';
  const worse = worseHeads(comparison).length > 0 ? '; less accurate, and released on purpose' : '';
  return [`Accuracy from ${since}${basis}: ${changesText(comparison)}${worse}`, ...incompatible];
}
