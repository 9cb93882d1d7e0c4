import { archiveModel } from '../../zoo/archive/archive-model';
import { version } from '../../foundation/version';
import { findModel } from '../../zoo/find-model';
import { commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { bytesText } from '../quantities';
import { onlyName, registryFlags, rootFlag, rootOf } from './registry-flags';

const command = 'npm run models -- archive';

const flags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models archive`. */
export const archiveCommand: Command = plainCommand(
  {
    command,
    takes: 'NAME',
    summary:
      'Compresses a model folder into archive/ of the registry, reads it back and compares every file, then removes the folder. It is listed still.',
    flags,
    examples: [[`${command} transformer_baseline_09-20`, 'npm run models -- restore brings it back, in the stage that it has now']],
  },
  async (typed, { output }, positionals) => {
    const root = rootOf(typed);
    const model = findModel(root, onlyName(positionals, command));
    const archived = await archiveModel(root, model, { now: new Date(), kumpas: version });
    const { name, archive, bytes, bytesBefore } = archived;
    output.write(
      typed['json'] === true
        ? `${JSON.stringify(archived, null, 2)}\n`
        : `${name}: archived, ${bytesText(bytesBefore)} became ${bytesText(bytes)}\n\n${archive}\n\nBack again\n  npm run models -- restore ${name}${rootFlag(typed)}\n`,
    );
    return 0;
  },
);
