import { writeCard } from '../../zoo/card/card';
import { findModel } from '../../zoo/find-model';
import { commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { onlyName, registryFlags, rootOf } from './registry-flags';

const command = 'npm run models -- card';

const flags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models card`. */
export const cardCommand: Command = plainCommand(
  {
    command,
    takes: 'NAME',
    summary:
      'Writes a model’s README.md: figures, data, recipe, limits, how to load it. What you wrote between its “by hand” lines stays, wherever they stand.',
    flags,
    examples: [[`${command} transformer_baseline_09-20`, 'by the name of its folder']],
  },
  async (typed, { output, errors }, positionals) => {
    const model = findModel(rootOf(typed), onlyName(positionals, command));
    const { file, changed, tookOver } = await writeCard(model);
    if (tookOver) errors.write(`note: ${file} was written by hand: all of it is kept under “Notes by hand”\n`);
    output.write(
      typed['json'] === true
        ? `${JSON.stringify({ model: model.name, file, changed }, null, 2)}\n`
        : `${changed ? 'written' : 'nothing to change'}: ${file}\n`,
    );
    return 0;
  },
);
