import { UserError } from '../../foundation/errors';
import { version } from '../../foundation/installation';
import { bytesText } from '../../foundation/text';
import { packModel } from '../../zoo/pack/pack-model';
import { unpackModel } from '../../zoo/pack/unpack-model';
import { findModel } from '../../zoo/registered-models';
import { plainCommand, type Command } from '../command';
import { optionalText, commonFlags, jsonFlag, type FlagTable } from '../flags';
import { onlyName, registryFlags, rootOf, rootFlag, modelsOf, modelFlag } from '../model-flags';

const PACK = 'npm run models -- pack';

const packFlags = {
  out: { string: true, alias: 'o', group: 'Pack:', description: 'The file to write.', defaultDescription: 'NAME.tar.gz' },
  'with-last': { type: 'boolean', group: 'Pack:', description: 'Pack _last.pt too, from which a training can go on.' },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models pack`. */
export const packCommand: Command = plainCommand(
  {
    command: PACK,
    takes: 'NAME',
    summary:
      'Packs a model into one file to share: card, checkpoints, config, log, results, changelog, releases, a manifest with the size and sha256 of each file, and examples. The same folder makes the same bytes.',
    flags: packFlags,
    examples: [
      [`${PACK} transformer_baseline_09-20`, 'transformer_baseline_09-20.tar.gz'],
      [`${PACK} transformer_baseline_09-20 -o out/baseline.tar.gz --with-last`, 'a training can go on from it elsewhere'],
    ],
  },
  async (typed, { output }, positionals) => {
    const model = findModel(rootOf(typed), onlyName(positionals, PACK), modelsOf(typed));
    const out = optionalText(typed, 'out') ?? `${model.name}.tar.gz`;
    const packed = await packModel({ model, out, withLast: typed['with-last'] === true, kumpas: version });
    const { file, bytes, sha256, files, leftOut, notes } = packed;
    const lines = [
      `${model.name}: ${files.length} files, ${bytesText(bytes)}`,
      ...(leftOut.length === 0 ? [] : [`not packed: ${leftOut.join(', ')}`]),
      ...notes.map((note) => `note: ${note}`),
      '',
      file,
      `sha256 ${sha256}`,
      '',
      'Whoever gets it',
      `  npm run models -- unpack ${file}${modelFlag(typed)}`,
    ];
    output.write(typed['json'] === true ? `${JSON.stringify(packed, null, 2)}\n` : `${lines.join('\n')}\n`);
    return 0;
  },
);

const UNPACK = 'npm run models -- unpack';

const unpackFlags = {
  name: { string: true, group: 'Unpack:', description: 'Another name for the folder.', defaultDescription: 'the one it was packed with' },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models unpack`. */
export const unpackCommand: Command = plainCommand(
  {
    command: UNPACK,
    takes: 'FILE.tar.gz',
    summary:
      'Makes a model folder of a pack. Everything in it is verified first, nothing of it is run, and nothing is written where anything is wrong.',
    flags: unpackFlags,
    examples: [
      [`${UNPACK} transformer_baseline_09-20.tar.gz`, 'into trained_models/transformer'],
      [`${UNPACK} baseline.tar.gz --root elsewhere --name transformer_theirs_09-20`, 'where a folder of its name is there'],
    ],
  },
  async (typed, { output }, positionals) => {
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0)
      throw new UserError(`${UNPACK}: expected one pack, as model.tar.gz, found ${positionals.join(' ') || 'nothing'}`);
    const unpacked = await unpackModel(file, rootOf(typed), optionalText(typed, 'name'), modelsOf(typed));
    const { name, folder, files, bytes, writtenAnew } = unpacked;
    const notes = writtenAnew.map((inner) => `${inner}: written anew, the pack's was not what this version of Kumpas writes\n`).join('');
    output.write(
      typed['json'] === true
        ? `${JSON.stringify(unpacked, null, 2)}\n`
        : `${name}: ${files} files verified, ${bytesText(bytes)}\n${notes}\n${folder}\n\nNext\n  npm run models -- show ${name}${rootFlag(typed)}\n  npm run predict -- --model-path ${folder} --input CLIP.npz${modelFlag(typed)}\n`,
    );
    return 0;
  },
);
