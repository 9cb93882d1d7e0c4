import { printableLine, percent } from '../../foundation/text';
import type { ReleaseState } from '../../zoo/release/complete-releases';
import { bytesText } from '../quantities';

/** Where a model stands in its releases, as rows for people. */
export function releaseStateRows({ releases, production, changed_since_release: changed, unfinished, problems }: ReleaseState): string[][] {
  const [latest] = releases.toReversed();
  const row = (version: string, created: string, gloss: number): string =>
    `v${version} of ${created.slice(0, 10)} (gloss ${percent(gloss)})`;
  return [
    ...releases
      .toReversed()
      .map(({ version, created, gloss_acc: gloss }, index) => [index === 0 ? 'releases' : '', row(version, created, gloss)]),
    ...(latest === undefined || changed === null
      ? []
      : [
          [
            'since then',
            changed ? `the weights have changed since v${latest.version}; diff tells how` : `the weights are those of v${latest.version}`,
          ],
        ]),
    ...(production === null ? [] : [['production', productionText(production)]]),
    ...unfinished.map((what) => ['unfinished', `${what}: a command was stopped; promote, release or check --fix completes it`]),
    ...problems.map((problem) => ['problem', printableLine(problem)]),
  ];
}

function productionText({ file, dtype, bytes, sha256, created, version }: NonNullable<ReleaseState['production']>): string {
  const of = version === null ? 'not released' : `v${version}`;
  return `${file}, ${dtype}, ${bytesText(bytes)}, sha256 ${sha256.slice(0, 16)}…, made ${printableLine(created.slice(0, 10))}, ${of}`;
}
