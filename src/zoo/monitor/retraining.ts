import path from 'node:path';
import { shellWord } from '../../foundation/text';
import { readRecord, RECORD_FILE } from '../../folder/config-file';
import type { RegisteredModel } from '../registry';
import { ownModels } from '../../models/model-table';

/** A training of a model anew: with its settings, on other data, in a folder of its own. */
export interface Retraining {
  readonly configFile: string;
  /** Over those of the file, by key, as texts. */
  readonly settings: Readonly<Record<string, string>>;
  /** What is typed for it. */
  readonly commandLine: string;
}

/** Settings that say part by part where data lies: those that a model has recorded give way to a folder. */
const PARTS: readonly string[] = [
  ...new Set([...ownModels.names.flatMap((name) => ownModels.get(name).settings.dataSources), 'labels_reference']),
].filter((key) => key !== 'data');
const LONGEST_DESCRIPTION = 60;

/** How a model is trained anew on a data folder, beside the folder that it has. */
export function retrainingOf({ folder }: RegisteredModel, data: string): Retraining {
  const record: Readonly<Record<string, unknown>> = readRecord(folder);
  const configFile = path.join(folder, RECORD_FILE);
  const recorded = record['description'];
  const name = path.basename(path.resolve(data)).replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  const before = (typeof recorded === 'string' ? recorded : 'model').replace(/-on-.*$/, '');
  const description = `${before}-on-${name}`.slice(0, LONGEST_DESCRIPTION).replace(/[._-]+$/, '');
  const recordedParts = PARTS.filter((key) => typeof record[key] === 'string');
  const settings = {
    data,
    description,
    save_dir: path.dirname(folder),
    ...Object.fromEntries(recordedParts.map((key) => [key, 'none'])),
  };
  const flags = Object.entries(settings).map(([key, value]) => `--${key.replaceAll('_', '-')} ${shellWord(value)}`);
  return { configFile, settings, commandLine: ['npm run train --', `--config ${shellWord(configFile)}`, ...flags].join(' ') };
}
