import { checkOptions, type OptionsInput } from '../config/options';
import { setting, text, wholeNumber } from '../config/setting';
import { demoSetOfWidth, writeDemoFolder } from '../data/demo/sets';
import { UserError } from '../foundation/errors';
import { ownModels } from '../models/model-table';
import type { WithModels } from '../evaluation/recognise';

/** The options of {@link demoData}, each a flag of the command demo-data. */
export const demoDataOptions = {
  model: setting(text('the name of a model'), ownModels.defaultName, {
    group: 'Demo data',
    description: 'The model whose kind of clips to write.',
  }),
  out: setting(text('the path of a folder'), 'demo_data', { group: 'Demo data', description: 'The new folder to write.' }),
  seed: setting(wholeNumber(0, 2 ** 31 - 1), 42, {
    group: 'Demo data',
    description: 'Decides who signs and how every clip turns out.',
  }),
} as const;

/** What {@link demoData} is asked for. */
export type DemoDataOptions = OptionsInput<typeof demoDataOptions>;

/** A data folder that was written. */
export interface WrittenDemoData {
  readonly folder: string;
  readonly trainClips: number;
  readonly validationClips: number;
}

/**
 * Writes the synthetic demo set as a data folder, which trainings without data use: it was made by a generator, and nobody was filmed.
 * @throws UserError where something is in the folder already.
 */
export function demoData(options: DemoDataOptions = {}, { models = ownModels }: WithModels = {}): WrittenDemoData {
  const { model, out: folder, seed } = checkOptions(demoDataOptions, { source: 'demoData()', values: options });
  if (models.find(model) === undefined) throw new UserError(`--model: expected ${models.names.join(' or ')}, found "${model}"`);
  return { folder, ...writeDemoFolder(folder, seed, demoSetOfWidth(models.get(model).width)) };
}
