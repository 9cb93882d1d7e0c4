import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { countFindings, findingOf } from '../../src/data/checks/findings';
import { reportSet } from '../../src/evaluation/report/set-report';
import { setPage } from '../../src/evaluation/report/set-page';
import { foreignPart } from '../../src/evaluation/report/markup';
import { inTemporaryFolder, writeDataFolder } from '../support/clip-files';

describe('the page of a set', () => {
  it('shows what was found with strips of the clips, and runs nothing but its own script', async () => {
    await inTemporaryFolder(async (folder) => {
      const data = path.join(folder, '<img src=x onerror=alert(1)>');
      mkdirSync(data);
      const clip = { gloss: 0, category: 0, frames: 12 };
      writeDataFolder(data, {
        train: [
          { name: 'one', ...clip, seed: 3 },
          { name: '<img src=x onerror=alert(2)>', ...clip, seed: 4 },
        ],
        val: [{ name: 'two', ...clip, seed: 3 }],
      });
      writeFileSync(path.join(data, 'labels_reference.csv'), 'gloss_id,label,cat_id,category\n0,</table><b>HELLO,0,SIGN\n');
      const out = path.join(folder, 'set.html');
      const { findings } = await reportSet({ data, out });
      expect(findings.map(({ code }) => code)).toContain('leak');
      const page = readFileSync(out, 'utf8');
      expect(foreignPart(page)).toBeUndefined();
      expect(page).not.toMatch(/<img src=x|<script>alert|<b>HELLO/);
      expect(page).toContain('id="leak"');
      expect(page.match(/class="strip"/g)?.length).toBeGreaterThanOrEqual(1);
    });
  });

  it('is whole without pictures, and escapes what findings say', () => {
    const findings = [findingOf('set/<i>.npz', { code: 'jitter', text: '<script>alert(3)</script> & "more"' })];
    const page = setPage(
      {
        data: 'set',
        kind: 'clips',
        clips: { all: 1, train: 0, validation: 0, unusable: 0 },
        frames: 5,
        labels: { gloss: [], category: [] },
        findings,
        counts: countFindings(findings),
      },
      undefined,
      new Date(0),
    );
    expect(foreignPart(page)).toBeUndefined();
    expect(page).toContain('&lt;script&gt;alert(3)&lt;/script&gt; &amp; &quot;more&quot;');
    expect(page).toContain('&lt;i&gt;.npz');
  });

  it('must be an .html', async () => {
    await expect(reportSet({ data: 'nowhere', out: 'set.pdf' })).rejects.toThrow(
      'set.pdf: a report is a page; name a file that ends in .html',
    );
  });
});
