import { printableLine, counted } from '../../foundation/text';
import { checkRegistry, type RegistryCheck } from '../../zoo/check/check-registry';
import type { Finding } from '../../zoo/check/finding';
import { commonFlags, jsonFlag, type FlagTable } from '../flags';
import { plainCommand, type Command } from '../command';
import { findingLines, placeText, plainFinding } from './finding-text';
import { registryFlags, rootFlag, rootOf } from './registry-flags';

const command = 'npm run models -- check';

const flags = {
  fix: { type: 'boolean', group: 'Check:', description: 'Mend what can be mended safely, and say how.' },
  ...registryFlags,
  ...jsonFlag,
  ...commonFlags,
} as const satisfies FlagTable;

/** `models check`. */
export const checkCommand: Command = plainCommand(
  {
    command,
    takes: '[NAME…]',
    summary:
      'Holds the registry, or some of its models, against the guide: names, files, logs, checkpoints, checksums, releases, the archive, and what killed processes left. Exits with 1 where a problem remains; remarks fail nothing.',
    flags,
    examples: [
      [command, 'everything'],
      [`${command} transformer_baseline_09-20`, 'one model'],
      [`${command} --fix`, 'removes what killed processes left, writes a missing README.md, and takes up the name of a renamed folder'],
    ],
    epilogue: '--fix never changes weights or checksums, and removes no model: what it leaves is told with what to do.',
  },
  async (typed, { output }, positionals) => {
    const root = rootOf(typed);
    const checked = await checkRegistry({ root, names: positionals, fix: typed['fix'] === true, now: new Date() });
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
    ...(mendable ? ['', 'Next', `  ${command} --fix${rootTyped}`] : []),
  ];
  return `${lines.map(printableLine).join('\n')}\n`;
}
