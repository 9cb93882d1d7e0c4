import type { Finding } from '../../zoo/check/finding';

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
