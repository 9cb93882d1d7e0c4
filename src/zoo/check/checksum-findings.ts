import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../foundation/errors';
import { checksumOf } from '../file-checksum';
import { differencesFrom, MANIFEST_FILE, manifestIn } from '../pack/manifest';
import { PRODUCTION_FILE, productionCheckpointIn } from '../released';
import { isSafeName } from '../folder-name';
import { problem, remark, valueOrFault, type FolderFinding } from './finding';

const productionSchema = z.looseObject({
  sha256: z.string(),
  source: z.looseObject({ file: z.string(), sha256: z.string() }).optional(),
});

/** What is wrong with the production checkpoint: its checksum, and what it was made of. */
export function productionFindings(folder: string): FolderFinding[] {
  const checkpoint = productionCheckpointIn(folder);
  const file = path.join(folder, PRODUCTION_FILE);
  const again = `promote it again: npm run models -- promote ${path.basename(folder)}`;
  if (checkpoint === undefined && !existsSync(file)) return [];
  if (checkpoint === undefined) return [problem(PRODUCTION_FILE, 'the production checkpoint that it tells of is missing', again)];
  const name = path.basename(checkpoint);
  if (!existsSync(file)) return [problem(name, `there is no ${PRODUCTION_FILE} beside it, so nothing says what it is`, again)];
  const read = readProduction(file);
  if (typeof read === 'string') return [problem(PRODUCTION_FILE, read, again)];
  if (checksumOf(checkpoint) !== read.sha256) return [problem(name, `its checksum is not the one in ${PRODUCTION_FILE}`, again)];
  return isOfAnother(folder, read.source) ? [remark(name, `${read.source?.file ?? ''} has changed since it was promoted`, again)] : [];
}

function isOfAnother(folder: string, source: { readonly file: string; readonly sha256: string } | undefined): boolean {
  if (source === undefined || !isSafeName(path.basename(source.file))) return false;
  const file = path.join(folder, path.basename(source.file));
  return existsSync(file) && checksumOf(file) !== source.sha256;
}

function readProduction(file: string): z.infer<typeof productionSchema> | string {
  try {
    const checked = productionSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    if (checked.success) return checked.data;
    const [issue] = checked.error.issues;
    return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  } catch (error) {
    return `it cannot be read (${messageOf(error)})`;
  }
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
