import { UserError } from '../../foundation/errors';
import { unpackModel } from '../../zoo/pack/unpack-model';
import { optionalText, commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { bytesText } from '../quantities';
import { registryFlags, rootFlag, rootOf } from './registry-flags';

const command = 'npm run models -- unpack';

const flags = {
  name: { string: true, group: 'Unpack:', description: 'Another name for the folder.', defaultDescription: 'the one it was packed with' },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models unpack`. */
export const unpackCommand: Command = plainCommand(
  {
    command,
    takes: 'FILE.tar.gz',
    summary:
      'Makes a model folder of a pack. Everything in it is verified first, nothing of it is run, and nothing is written where anything is wrong.',
    flags,
    examples: [
      [`${command} transformer_baseline_09-20.tar.gz`, 'into trained_models/transformer'],
      [`${command} baseline.tar.gz --root elsewhere --name transformer_theirs_09-20`, 'where a folder of its name is there'],
    ],
  },
  async (typed, { output }, positionals) => {
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0)
      throw new UserError(`${command}: expected one pack, as model.tar.gz, found ${positionals.join(' ') || 'nothing'}`);
    const unpacked = await unpackModel(file, rootOf(typed), optionalText(typed, 'name'));
    const { name, folder, files, bytes, writtenAnew } = unpacked;
    const notes = writtenAnew.map((inner) => `${inner}: written anew, the pack's was not what this version of Kumpas writes\n`).join('');
    output.write(
      typed['json'] === true
        ? `${JSON.stringify(unpacked, null, 2)}\n`
        : `${name}: ${files} files verified, ${bytesText(bytes)}\n${notes}\n${folder}\n\nNext\n  npm run models -- show ${name}${rootFlag(typed)}\n  npm run predict -- --model-path ${folder} --input CLIP.npz\n`,
    );
    return 0;
  },
);
