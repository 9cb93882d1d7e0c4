import { findModel } from '../../zoo/find-model';
import { packModel } from '../../zoo/pack/pack-model';
import { version } from '../../foundation/version';
import { optionalText, commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { bytesText } from '../quantities';
import { onlyName, registryFlags, rootOf } from './registry-flags';

const command = 'npm run models -- pack';

const flags = {
  out: { string: true, alias: 'o', group: 'Pack:', description: 'The file to write.', defaultDescription: 'NAME.tar.gz' },
  'with-last': { type: 'boolean', group: 'Pack:', description: 'Pack _last.pt too, from which a training can go on.' },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models pack`. */
export const packCommand: Command = plainCommand(
  {
    command,
    takes: 'NAME',
    summary:
      'Packs a model into one file to share: card, checkpoints, config, log, results, changelog, releases, a manifest with the size and sha256 of each file, and examples. The same folder makes the same bytes.',
    flags,
    examples: [
      [`${command} transformer_baseline_09-20`, 'transformer_baseline_09-20.tar.gz'],
      [`${command} transformer_baseline_09-20 -o out/baseline.tar.gz --with-last`, 'a training can go on from it elsewhere'],
    ],
  },
  async (typed, { output }, positionals) => {
    const model = findModel(rootOf(typed), onlyName(positionals, command));
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
      `  npm run models -- unpack ${file}`,
    ];
    output.write(typed['json'] === true ? `${JSON.stringify(packed, null, 2)}\n` : `${lines.join('\n')}\n`);
    return 0;
  },
);
