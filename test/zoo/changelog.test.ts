import { describe, expect, it } from '@jest/globals';
import { changelogEntries, completedChangelog, entriesText, harmless, noteLines } from '../../src/zoo/release/changelog';
import { bumpOf, isVersion, nextVersion, parseVersion, type ReleaseRecord } from '../../src/zoo/release/release-record';

const HOSTILE = [
  '../x',
  'a/b',
  '-x',
  '1.0',
  '1.0.0-beta',
  '1.0.0\u0000',
  'v',
  '',
  'vv1.0.0',
  '1.0.0/..',
  '01.0.0',
  '9'.repeat(300),
  '१.०.०',
  '1.0.0\n',
];

describe('versions', () => {
  it('go on from the release before, or from none', () => {
    expect(['major', 'minor', 'patch'].map((bump) => nextVersion(undefined, bumpOf(bump)))).toEqual(['1.0.0', '0.1.0', '0.0.1']);
    expect(['major', 'minor', 'patch'].map((bump) => nextVersion('1.2.3', bumpOf(bump)))).toEqual(['2.0.0', '1.3.0', '1.2.4']);
    expect(() => bumpOf('huge\u001b[31m')).toThrow('--bump: expected major, minor, patch, found "huge\ufffd[31m"');
  });

  it.each(HOSTILE)('are three numbers, and nothing that could stand for a path: %j', (text) => {
    expect(isVersion(text)).toBe(false);
    expect(() => parseVersion(text)).toThrow(/expected a version of three numbers/);
  });

  it('may be typed with a v', () => {
    expect([parseVersion('v1.10.0'), parseVersion('1.10.0')]).toEqual(['1.10.0', '1.10.0']);
  });
});

/** As much of a release as a changelog is made of. */
function release(version: string, more: Partial<ReleaseRecord> = {}): ReleaseRecord {
  const record = { version, created: '2024-09-20T12:00:00.000Z', changelog: [`what ${version} is`], inherited_changelog: null, ...more };
  return record as unknown as ReleaseRecord;
}

describe('a changelog', () => {
  it('has an entry for each release, the newest first, and keeps what people wrote', () => {
    const first = completedChangelog(undefined, 'transformer_baseline_09-20', [release('1.0.0')]);
    expect(first).toBe('# Changelog of transformer_baseline_09-20\n\n## v1.0.0 - 2024-09-20\n\n- what 1.0.0 is\n');
    const written = first
      .replace('- what 1.0.0 is', '- what people made of it\n\n### Thanks\n\nto all')
      .replace('\n\n## v', '\n\nOur own words.\n\n## v');
    const all = [release('1.0.0'), release('1.9.0'), release('1.10.0')];
    const completed = completedChangelog(written, 'transformer_baseline_09-20', all);
    expect(completed.match(/^## .*$/gm)).toEqual(['## v1.10.0 - 2024-09-20', '## v1.9.0 - 2024-09-20', '## v1.0.0 - 2024-09-20']);
    expect(completed).toMatch(/^# Changelog of .*\n\nOur own words\.\n\n## v1\.10\.0[^]*people made of it\n\n### Thanks\n\nto all\n$/);
    expect(completed).not.toContain('what 1.0.0 is');
    expect(completedChangelog(completed, 'x', all)).toBe(completed);
    const withoutOne = completed.replace(/## v1\.9\.0[^]*?(?=## v1\.0)/, '');
    expect(completedChangelog(withoutOne, 'x', all)).toBe(completed);
    expect(changelogEntries(completed).map(({ version, date }) => `${version} ${date}`)).toContain('1.9.0 2024-09-20');
  });

  it('begins with the entries of the model that it follows', () => {
    const followed = completedChangelog(undefined, 'a', [release('1.0.0'), release('1.1.0')]);
    const own = completedChangelog(undefined, 'b', [release('1.2.0', { inherited_changelog: entriesText(followed) })]);
    expect(own.match(/^#+ .*$/gm)).toEqual([
      '# Changelog of b',
      '## v1.2.0 - 2024-09-20',
      '## v1.1.0 - 2024-09-20',
      '## v1.0.0 - 2024-09-20',
    ]);
  });

  it('takes notes as bullets that form nothing in Markdown', () => {
    const hostile =
      'good\n## v9.9.9 - 2030-01-01\r\n\n- nested\n```sh\n<!-- gone\n1. one\u2028> quoted\n---\n\u202eturned\u001b[31m\n[a]: b';
    const lines = noteLines([hostile, '  ', 'second']);
    expect(lines).toEqual([
      'good',
      String.raw`\## v9.9.9 - 2030-01-01`,
      String.raw`\- nested`,
      '\\```sh',
      String.raw`\<!-- gone`,
      String.raw`1\. one`,
      String.raw`\> quoted`,
      String.raw`\---`,
      'turned [31m',
      String.raw`\[a]: b`,
      'second',
    ]);
    const text = completedChangelog(undefined, 'a', [release('1.0.0', { changelog: lines })]);
    expect(changelogEntries(text).map(({ version }) => version)).toEqual(['1.0.0']);
    expect(() => noteLines(['\n \u0000'])).toThrow(/--notes is missing/);
    expect(() => noteLines(['x'.repeat(30_000)])).toThrow(/at most 20000 letters/);
    expect(harmless('a_b')).toBe('a_b');
  });
});
