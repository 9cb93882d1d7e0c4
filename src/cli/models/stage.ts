import { UserError } from '../../foundation/errors';
import { findModel } from '../../zoo/find-model';
import { stageModel, stageNamed } from '../../zoo/list-models';
import { commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { registryFlags, rootFlag, rootOf } from './registry-flags';

const command = 'npm run models -- stage';

const flags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models stage`. */
export const stageCommand: Command = plainCommand(
  {
    command,
    takes: 'NAME development|production|archived',
    summary:
      'Says where a model is in its life. production needs a production checkpoint or a release; archived is a label, which leaves a model out where the best is marked (archive compresses it as well).',
    flags,
    examples: [
      [`${command} transformer_baseline_09-20 production`, 'prune lets it alone, archive refuses it'],
      [`${command} transformer_baseline_09-20 development`, 'as every model begins'],
    ],
  },
  async (typed, { output }, positionals) => {
    const [name, stageText, ...more] = positionals;
    if (name === undefined || more.length > 0)
      throw new UserError(`${command}: expected a model's name and its stage, found ${positionals.join(' ') || 'nothing'}`);
    const stage = stageNamed(stageText);
    const model = findModel(rootOf(typed), name);
    const before = await stageModel(model, stage);
    if (typed['json'] === true) {
      output.write(`${JSON.stringify({ name: model.name, folder: model.folder, before, stage }, null, 2)}\n`);
      return 0;
    }
    const said =
      before === stage ? `${model.name}: its stage was ${stage} already` : `${model.name}: its stage was ${before}, now it is ${stage}`;
    const next = stage === 'archived' ? `\n\nTo compress it as well\n  npm run models -- archive ${model.name}${rootFlag(typed)}` : '';
    output.write(`${said}${next}\n`);
    return 0;
  },
);
