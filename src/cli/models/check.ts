import path from 'node:path';
import { UserError } from '../../foundation/errors';
import { printableLine, counted } from '../../foundation/text';
import { checkRegistry, type RegistryCheck } from '../../zoo/check/check-registry';
import type { Finding } from '../../zoo/check/findings';
import { setUpGit, type SetUp, type SetUpStep } from '../../zoo/git/set-up';
import { verify } from '../../zoo/pack/unpack-model';
import { plainCommand, type Command } from '../command';
import { commonFlags, jsonFlag, type FlagTable, wholeNumber } from '../flags';
import { registryFlags, rootFlag, rootOf, onlyName, modelsOf } from '../model-flags';

const CHECK = 'npm run models -- check';

const checkFlags = {
  fix: { type: 'boolean', group: 'Check:', description: 'Mend what can be mended safely, and say how.' },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models check`. */
export const checkCommand: Command = plainCommand(
  {
    command: CHECK,
    takes: '[NAME…]',
    summary:
      'Checks the registry, or some of its models, against the guide: names, files, logs, checkpoints, checksums, releases, the archive, and what killed processes left. Exits with 1 where a problem remains; remarks fail nothing.',
    flags: checkFlags,
    examples: [
      [CHECK, 'everything'],
      [`${CHECK} transformer_baseline_09-20`, 'one model'],
      [`${CHECK} --fix`, 'removes what killed processes left, writes a missing README.md, and takes up the name of a renamed folder'],
    ],
    epilogue: '--fix never changes weights or checksums, and removes no model: what it leaves is told with what to do.',
  },
  async (typed, { output }, positionals) => {
    const root = rootOf(typed);
    const checked = await checkRegistry({ root, names: positionals, fix: typed['fix'] === true, now: new Date(), models: modelsOf(typed) });
    const failed = checked.findings.some(({ severity }) => severity === 'problem');
    output.write(typed['json'] === true ? `${JSON.stringify(documentOf(root, checked), null, 2)}\n` : checkText(checked, rootFlag(typed)));
    return failed ? 1 : 0;
  },
);

function documentOf(root: string, { models, findings, mended }: RegistryCheck): object {
  const done = mended.map((finding) => ({ ...plainFinding(finding), done: finding.done }));
  return { root, models, findings: findings.map(plainFinding), mended: done };
}

function checkText({ models, findings, mended }: RegistryCheck, rootTyped: string): string {
  const count = (severity: Finding['severity']): number => findings.filter((finding) => finding.severity === severity).length;
  const mendable = findings.some(({ mend }) => mend !== undefined);
  const lines = [
    ...mended.flatMap((finding) => [`mended   ${placeText(finding)}: ${finding.what}`, `         ${finding.done}`]),
    ...findingLines(findings),
    ...(findings.length + mended.length === 0 ? [] : ['']),
    `${counted(models.length, 'model')}: ${counted(count('problem'), 'problem')}, ${counted(count('remark'), 'remark')}`,
    ...(mendable ? ['', 'Next', `  ${CHECK} --fix${rootTyped}`] : []),
  ];
  return `${lines.map(printableLine).join('\n')}\n`;
}

const VERIFY = 'npm run models -- verify';

const verifyFlags = { ...registryFlags, ...jsonFlag, ...commonFlags } as const satisfies FlagTable;

/** `models verify`. */
export const verifyCommand: Command = plainCommand(
  {
    command: VERIFY,
    takes: 'NAME|FILE.tar.gz',
    summary:
      'Holds a model’s files against the checksums that are kept of them (of its promotion, its releases, its pack or its archive) and opens its checkpoints; changes nothing.',
    flags: verifyFlags,
    examples: [
      [`${VERIFY} transformer_baseline_09-20`, 'a folder, or an archived model'],
      [`${VERIFY} transformer_baseline_09-20.tar.gz`, 'a pack, as unpack does before it writes'],
    ],
  },
  async (typed, { output }, positionals) => {
    const verification = await verify(rootOf(typed), onlyName(positionals, VERIFY), modelsOf(typed));
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

/** Findings as people read them: problems first, each with what to do. */
export function findingLines(findings: readonly Finding[]): string[] {
  const bySeverity = (['problem', 'remark'] as const).map((severity) => findings.filter((finding) => finding.severity === severity));
  return bySeverity
    .flat()
    .flatMap((finding) => [`${finding.severity.padEnd(9)}${placeText(finding)}: ${finding.what}`, `${''.padEnd(9)}${finding.todo}`]);
}

/** The model and the file that a finding is about. */
export function placeText({ model, place }: Finding): string {
  return place === '' ? model : `${model}: ${place}`;
}

/** A finding for a program. */
export function plainFinding({ severity, model, place, what, todo, mend }: Finding): object {
  return { severity, model, place, what, todo, mendable: mend !== undefined };
}

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
