import path from 'node:path';
import { UserError } from '../../foundation/errors';
import { setUpGit, type SetUp, type SetUpStep } from '../../zoo/git/set-up';
import { plainCommand, type Command } from '../command';
import { wholeNumber, commonFlags, jsonFlag, type FlagTable } from '../flags';
import { registryFlags, rootOf } from './registry-flags';

const command = 'npm run models -- git-setup';

const flags = {
  'dry-run': { type: 'boolean', group: 'Set-up:', description: 'Say what would be done, and do nothing.' },
  'limit-mb': {
    string: true,
    group: 'Set-up:',
    description: 'The largest file that may go into git itself, in megabytes.',
    defaultDescription: '10',
  },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models git-setup`. */
export const gitSetupCommand: Command = plainCommand(
  {
    command,
    summary:
      'Prepares the git repository that holds the registry: .gitignore and .gitattributes for large files, and a check before each commit. Your own lines and hooks stay.',
    flags,
    examples: [
      [`${command} --dry-run`, 'what it would do'],
      [`${command} --root models --limit-mb 5`, 'another registry, and a smaller limit'],
    ],
  },
  async (typed, { output }, positionals) => {
    if (positionals.length > 0)
      throw new UserError(`${command}: expected flags alone, found ${positionals.join(' ')}; --root names the registry`);
    const dryRun = typed['dry-run'] === true;
    const kumpas = path.resolve(__dirname, '../../..');
    const setUp = await setUpGit({ root: rootOf(typed), kumpas, limitMegabytes: wholeNumber(typed, 'limit-mb', 1) ?? 10, dryRun });
    output.write(typed['json'] === true ? `${JSON.stringify({ dry_run: dryRun, ...setUp }, null, 2)}\n` : setUpText(setUp, dryRun));
    return 0;
  },
);

const DONE: Readonly<Record<SetUpStep['action'], string>> = { made: 'written', changed: 'changed', same: 'as it was', left: 'LEFT' };
const PLANNED: typeof DONE = { made: 'to write', changed: 'to change', same: 'stays', left: 'LEAVE' };

function setUpText({ repository, steps, notes }: SetUp, dryRun: boolean): string {
  const words = dryRun ? PLANNED : DONE;
  const lines = [
    `Repository ${repository.top}${dryRun ? ' (nothing is written)' : ''}`,
    '',
    ...steps.flatMap(({ file, action, purpose, byHand }) => [
      `${words[action].padEnd(9)}  ${file}`,
      `           ${purpose}`,
      ...byHand.map((line) => `           | ${line}`),
    ]),
    '',
    ...notes.map((note) => `note: ${note}`),
  ];
  return `${lines.join('\n')}\n`;
}
