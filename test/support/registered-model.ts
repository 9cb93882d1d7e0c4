import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { evaluateRun } from '../../src/training/run';
import { smallSettings, trainSmall, writeSmallData } from './small-training';

/** A registry in a folder, with a small model that was trained and evaluated. */
export interface SmallRegistry {
  readonly root: string;
  readonly name: string;
  /** The model's folder. */
  readonly folder: string;
  readonly data: string;
}

/** Trains and evaluates a small model in a registry of its own. Labels are those given, of 3 glosses and 2 categories. */
export async function smallRegistry(folder: string, glosses: readonly string[] = ['HELLO', 'GOOD', 'YOU']): Promise<SmallRegistry> {
  const data = writeSmallData(folder);
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
  const reference = glosses.map((label, id) => `${id},${quoted(label)},${id % 2},${id % 2 === 0 ? 'SAID' : 'SHOWN'}`);
  writeFileSync(path.join(data, 'labels_reference.csv'), ['gloss_id,label,cat_id,category', ...reference, ''].join('\n'));
  const root = path.join(folder, 'registry');
  return { root, data, ...(await addSmallModel(folder, root)) };
}

/** Trains and evaluates a further one, with more of the command line. */
export async function addSmallModel(
  folder: string,
  root: string,
  typed: Readonly<Record<string, string>> = {},
): Promise<{ readonly name: string; readonly folder: string }> {
  const { run } = await trainSmall(smallSettings(folder, { save_dir: path.join(root, 'transformer'), epochs: '2', ...typed }));
  await evaluateRun(run);
  return { name: path.basename(run.folder.files.folder), folder: run.folder.files.folder };
}
