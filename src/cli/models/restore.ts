import { restoreModel } from '../../zoo/archive/archive-model';
import { optionalText, commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { onlyName, registryFlags, rootFlag, rootOf } from './registry-flags';

const command = 'npm run models -- restore';

const flags = {
  name: { string: true, group: 'Restore:', description: 'Another name for the folder.', defaultDescription: 'the one it had' },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models restore`. */
export const restoreCommand: Command = plainCommand(
  {
    command,
    takes: 'NAME',
    summary: 'Brings an archived model back to where it lay, every file held against its checksum, and in the stage that it had.',
    flags,
    examples: [
      [`${command} transformer_baseline_09-20`, 'the archive goes once the folder is whole'],
      [`${command} transformer_baseline_09-20 --name transformer_old_09-20`, 'where a folder of its name is there by now'],
    ],
  },
  async (typed, { output }, positionals) => {
    const restored = await restoreModel(rootOf(typed), onlyName(positionals, command), optionalText(typed, 'name'));
    const { name, folder, stage } = restored;
    output.write(
      typed['json'] === true
        ? `${JSON.stringify(restored, null, 2)}\n`
        : `${name}: restored, its stage is ${stage}\n\n${folder}\n\nNext\n  npm run models -- show ${name}${rootFlag(typed)}\n`,
    );
    return 0;
  },
);
