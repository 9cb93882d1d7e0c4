import { checkOptions, type OptionsInput } from '../config/options';
import { setting, text, wholeNumber } from '../config/setting';
import { demoSetOfWidth, writeDemoFolder } from '../data/demo/sets';
import { UserError } from '../foundation/errors';
import { ownModels } from '../models/model-table';

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
export function demoData(options: DemoDataOptions = {}): WrittenDemoData {
  const { model, out: folder, seed } = checkOptions(demoDataOptions, { source: 'demoData()', values: options });
  if (ownModels.find(model) === undefined) throw new UserError(`--model: expected ${ownModels.names.join(' or ')}, found "${model}"`);
  return { folder, ...writeDemoFolder(folder, seed, demoSetOfWidth(ownModels.get(model).width)) };
}
