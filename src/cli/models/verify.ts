import { printableLine } from '../../foundation/text';
import { verify } from '../../zoo/pack/verify';
import { commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { findingLines, plainFinding } from './finding-text';
import { onlyName, registryFlags, rootOf } from './registry-flags';

const command = 'npm run models -- verify';

const flags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models verify`. */
export const verifyCommand: Command = plainCommand(
  {
    command,
    takes: 'NAME|FILE.tar.gz',
    summary:
      'Holds a model’s files against the checksums that are kept of them (of its promotion, its releases, its pack or its archive) and opens its checkpoints; changes nothing.',
    flags,
    examples: [
      [`${command} transformer_baseline_09-20`, 'a folder, or an archived model'],
      [`${command} transformer_baseline_09-20.tar.gz`, 'a pack, as unpack does before it writes'],
    ],
  },
  async (typed, { output }, positionals) => {
    const verification = await verify(rootOf(typed), onlyName(positionals, command));
    const { name, place, verified, findings } = verification;
    const failed = findings.some(({ severity }) => severity === 'problem');
    const lines = [
      `${name}: ${failed ? 'not all is as it was' : 'verified'}`,
      place,
      ...verified.map((line) => `  ${line}`),
      ...findingLines(findings),
    ];
    output.write(
      typed['json'] === true
        ? `${JSON.stringify({ ...verification, ok: !failed, findings: findings.map(plainFinding) }, null, 2)}\n`
        : `${lines.map(printableLine).join('\n')}\n`,
    );
    return failed ? 1 : 0;
  },
);
