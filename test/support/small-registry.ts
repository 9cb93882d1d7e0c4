import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { importCheckpoint } from '../../src/conversion/import-checkpoint';
import type { CheckedFile } from '../../src/zoo/archive/archived-models';
import { everythingIn, withChecksums } from '../../src/zoo/checksums';
import { checkRegistry } from '../../src/zoo/check/check-registry';
import type { RegisteredModel } from '../../src/zoo/registered-models';
import { importOptions } from './import-options';
import { torchFolder } from './parity';

/** Long after anything that a test wrote: leftovers are taken for such. */
export const later = (): Date => new Date(Date.now() + 3_600_000);

/** Imports a checkpoint of the fixtures as `{type}_{description}_11-24` into a registry. */
export async function addModel(root: string, description: string, fixture = 'tiny_full.pt'): Promise<RegisteredModel> {
  const type = fixture.startsWith('iv3') ? 'iv3_gru' : 'transformer';
  const options = importOptions(path.join(root, type), { description });
  const { folder } = await importCheckpoint({ best: path.join(torchFolder, fixture), log: undefined }, options);
  return { name: path.basename(folder), folder };
}

/** Writes an evaluation that says no more than it must. */
export function writeEvaluation(
  folder: string,
  accuracy: number,
  more: { readonly fingerprint?: string; readonly epoch?: number } = {},
): void {
  const { fingerprint = 'f'.repeat(64), ...epoch } = more;
  const head = { accuracy, top_5_accuracy: 1, f1_weighted: accuracy, f1_macro: accuracy, accuracy_ci95_low: 0, accuracy_ci95_high: 1 };
  const data = { title: 'clips', fingerprint, synthetic: false };
  mkdirSync(path.join(folder, 'evaluation_results'), { recursive: true });
  const document = { model: 'model.pt', architecture: 'SignTransformer', ...epoch, data, gloss: head, category: head };
  writeFileSync(path.join(folder, 'evaluation_results', 'evaluation.json'), JSON.stringify(document));
}

/** The names and checksums of all that is in a folder. */
export function contentOf(folder: string): CheckedFile[] {
  return withChecksums(folder, everythingIn(folder));
}

/** What a check of a whole registry finds, a line a finding. */
export async function findingsOf(root: string, fix = false): Promise<string[]> {
  const { findings } = await checkRegistry({ root, names: [], fix, now: later() });
  return findings.map(({ severity, model, place, what }) => `${severity} ${model}: ${place}: ${what}`);
}

/** Everything below a folder, hidden or not, with its bytes: to tell that nothing was written. */
export function snapshotOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((inner) => {
      const file = path.join(folder, inner);
      return statSync(file).isDirectory() ? `${inner}/` : `${inner} ${readFileSync(file).toString('base64')}`;
    });
}
