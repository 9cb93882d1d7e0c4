import { existsSync } from 'node:fs';
import path from 'node:path';
import { checksumOf } from '../file-checksum';
import { differencesFrom, MANIFEST_FILE, manifestIn } from '../pack/manifest';
import { unfinishedReleases } from '../release/complete-releases';
import type { RegisteredModel } from '../registry';
import { PRODUCTION_RECORD_FILE, productionCheckpointIn, readProduction } from '../release/production-record';
import { problem, remark, valueOrFault, type FolderFinding } from './finding';

/** What is wrong with the production checkpoint: its checksum, and what it was made of. What a promotion that was killed left to do is told elsewhere. */
export function productionFindings(model: RegisteredModel): FolderFinding[] {
  const { folder } = model;
  const checkpoint = productionCheckpointIn(folder);
  const file = path.join(folder, PRODUCTION_RECORD_FILE);
  const again = `promote it again: npm run models -- promote ${path.basename(folder)}`;
  if (checkpoint === undefined && !existsSync(file)) return [];
  if (checkpoint === undefined) return [problem(PRODUCTION_RECORD_FILE, 'the production checkpoint that it tells of is missing', again)];
  if (isUnfinished(model)) return [];
  const name = path.basename(checkpoint);
  if (!existsSync(file)) return [problem(name, `there is no ${PRODUCTION_RECORD_FILE} beside it, so nothing says what it is`, again)];
  const recorded = valueOrFault(() => readProduction(folder));
  if ('fault' in recorded) return [problem(PRODUCTION_RECORD_FILE, recorded.fault.replace(`${file}: `, ''), again)];
  const read = recorded.value;
  if (checksumOf(checkpoint) !== read?.sha256) return [problem(name, `its checksum is not the one in ${PRODUCTION_RECORD_FILE}`, again)];
  return isOfAnother(folder, read.source) ? [remark(name, `${read.source.file} has changed since it was promoted`, again)] : [];
}

function isUnfinished(model: RegisteredModel): boolean {
  const read = valueOrFault(() => unfinishedReleases(model));
  return 'value' in read && read.value.length > 0;
}

function isOfAnother(folder: string, source: { readonly file: string; readonly sha256: string }): boolean {
  const file = path.join(folder, source.file);
  return existsSync(file) && checksumOf(file) !== source.sha256;
}

/**
 * How a folder that was unpacked differs from its manifest. That results, card and registry's facts are written anew is usual, and a training that went on changes
 * its checkpoints and its log together; weights that changed alone are damaged, or not those that were sent.
 */
export function manifestFindings(folder: string): FolderFinding[] {
  const read = valueOrFault(() => manifestIn(folder));
  const remove = `unpack it anew, or remove ${MANIFEST_FILE} if the change is yours; pack makes a new one`;
  if ('fault' in read) return [problem(MANIFEST_FILE, read.fault, remove)];
  if (read.value === undefined) return [];
  const differing = differencesFrom(read.value, folder);
  const wentOn = differing.some(({ path: inner }) => inner === 'training_log.txt');
  return differing.map(({ path: inner, missing }) => {
    const what = missing ? `it is missing, and ${MANIFEST_FILE} has it` : `its checksum is not the one in ${MANIFEST_FILE}`;
    const isWeights = inner.endsWith('.pt') && !(wentOn && !inner.includes('/') && !inner.endsWith('_production.pt'));
    return isWeights
      ? problem(inner, what, remove)
      : remark(inner, what, 'that is so where it was written anew since; pack makes a new manifest');
  });
}
