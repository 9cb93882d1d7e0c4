import { byKind, subjectOf, type Finding, type FindingGroup } from '../../data/checks/findings';
import { setOptions, validateSet, type Validation } from '../../data/checks/validate';
import { counted, printableLine } from '../../foundation/text';
import { verbCommand, type Command } from '../command';
import { jsonFlag, optionalText } from '../flags';
import { hooksOf } from '../progress';

/** Findings of a kind that are listed. */
const LISTED = 8;
const SEVERITIES = ['error', 'warning', 'note'] as const;

/** The `data validate` command. */
export const validateCommand: Command = verbCommand(
  {
    command: 'npm run data -- validate',
    takes: 'SET',
    summary:
      'Checks a set: its tables, every clip, and the clips beside each other. Nothing is changed. Exit code 1 where there are errors.',
    options: setOptions,
    positional: 'data',
    flags: {
      report: { type: 'string', group: 'General:', description: 'Write a page, too, with pictures of the clips: an .html.' },
      strict: { type: 'boolean', group: 'General:', description: 'Exit code 1 where there are warnings, too.' },
      all: { type: 'boolean', group: 'General:', description: `List all findings, not ${LISTED} of a kind.` },
      ...jsonFlag,
    },
    examples: [
      ['npm run data -- validate clips/', 'what is wrong, and what to do about it'],
      ['npm run data -- validate clips/ --report clips.html', 'the same as a page, with pictures of the clips'],
      ['npm run data -- validate clips/ --strict --json', 'for a script: one document, exit code 1 where anything is doubtful'],
    ],
    epilogue: 'docs/data-tools.md lists all that is found, by its codes.',
  },
  async ({ options, flags }, terminal) => {
    const out = optionalText(flags, 'report');
    const hooks = hooksOf(terminal, flags);
    const validation =
      out === undefined
        ? await validateSet(options, hooks)
        : await (await import('../../evaluation/report/set-report.js')).reportSet({ ...options, out }, hooks);
    terminal.output.write(
      flags['json'] === true ? `${JSON.stringify(validation, null, 2)}\n` : validationText(validation, flags['all'] === true),
    );
    const { error, warning } = validation.counts;
    return error > 0 || (flags['strict'] === true && warning > 0) ? 1 : 0;
  },
);

/** What was found, for people. */
function validationText(validation: Validation, all: boolean): string {
  const { counts, findings } = validation;
  const groups = byKind(findings);
  const lines = [headline(validation)];
  for (const severity of SEVERITIES) {
    const found = groups.filter((group) => group.severity === severity);
    if (found.length > 0) lines.push('', `${severity}s`, ...found.flatMap((group) => groupLines(group, all)));
  }
  lines.push('', SEVERITIES.map((severity) => counted(counts[severity], severity)).join(', '));
  return `${lines.map(printableLine).join('\n')}\n`;
}

/** `clips/: a set of 390 clips, 312 to train on and 78 to validate, 11,700 frames, 13 glosses`. */
function headline({ data, kind, clips: { all, train, validation, unusable }, frames, labels: { gloss } }: Validation): string {
  const split = kind === 'set' ? `, ${train} to train on and ${validation} to validate` : '';
  const what = kind === 'clips' ? 'a folder' : `a ${kind}`;
  const rest = [`${frames.toLocaleString('en')} frames`, ...(gloss.length === 0 ? [] : [counted(gloss.length, 'gloss', 'glosses')])];
  const broken = unusable === 0 ? '' : `; ${unusable} cannot be used`;
  return `${data}: ${what} of ${counted(all, 'clip')}${split}, ${rest.join(', ')}${broken}`;
}

function groupLines({ code, title, advice, findings }: FindingGroup, all: boolean): string[] {
  const shown = all ? findings : findings.slice(0, LISTED);
  const more = findings.length > shown.length ? [`    and ${findings.length - shown.length} more (--all lists them)`] : [];
  return [`  ${code}: ${title} (${findings.length})`, ...shown.map(findingLine), ...more, `    → ${advice}`];
}

function findingLine(finding: Finding): string {
  return `    ${subjectOf(finding)}: ${finding.text}`;
}
