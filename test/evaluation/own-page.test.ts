import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { foreignPart } from '../../src/evaluation/report/markup';

const script = readFileSync(path.resolve(__dirname, '../../src/evaluation/report/interaction.js'), 'utf8');

const page = (body: string, own = script): string =>
  `<!doctype html>\n<html lang="en"><head><meta charset="utf-8" /><style>.a { color: red }</style></head><body>${body}<script>${own}</script></body></html>`;

describe('a page of an evaluation', () => {
  it('is Kumpas’s own with its script, its pictures and its links', () => {
    const links = '<a href="#figures">Figures</a><a href="predictions.csv">predictions.csv</a>';
    const picture =
      '<picture><source media="(x)" srcset="data:image/png;base64,AAAA" /><img src="data:image/png;base64,AA==" width="3" alt="a" /></picture>';
    const cell =
      '<table class="sortable"><tbody><tr><td class="number share" data-value="0.5"  style="--share: 50.0%">a &lt;script&gt; b</td></tr></tbody></table>';
    expect(foreignPart(page(`${links}${picture}${cell}`))).toBeUndefined();
    expect(foreignPart('no markup at all')).toBeUndefined();
  });

  // A version's pages stay its own: the sha256 of a changed script is added to those that are known.
  it('may hold the script that this version writes', () => {
    expect(foreignPart(`<script>${script}</script>`)).toBeUndefined();
  });

  it.each([
    ['another script', page('', `${script};fetch('//x')`), /a script that Kumpas did not write/],
    ['a second script', page('<script>alert(1)</script>'), /a script that Kumpas did not write/],
    ['a script after its own', `${page('')}<script>alert(1)</script>`, /"<script>alert/],
    ['a script of another spelling', page('<SCRIPT src="data:,alert(1)"></SCRIPT>'), /"<SCRIPT/],
    ['a script with attributes', page('<script async>alert(1)</script>'), /<script async/],
    ['a handler', page('<img src="data:image/png;base64,AA==" onload="alert(1)" />'), /its <img> has "onload=/],
    ['a handler without spaces', page('<img/onerror=alert(1)>'), /<img\/onerror/],
    ['a link that runs', page('<a href="javascript:alert(1)">a</a>'), /its <a> has "href=/],
    ['a link that leads elsewhere', page('<a href="https://example.org">a</a>'), /its <a> has "href=/],
    ['a picture from elsewhere', page('<img src="https://example.org/a.png" />'), /its <img> has "src=/],
    ['a drawing that can run', page('<img src="data:image/svg+xml;base64,AA==" />'), /its <img> has "src=/],
    ['a page within', page('<iframe srcdoc="a"></iframe>'), /<iframe/],
    ['a form', page('<form action="https://example.org"><button>a</button></form>'), /<form/],
    ['a way on', page('<meta http-equiv="refresh" content="0;url=//example.org" />'), /its <meta> has "http-equiv=/],
    ['another base', page('<base href="//example.org" />'), /<base/],
    ['a drawing', page('<svg><a></a></svg>'), /<svg/],
    ['a comment', page('<!-- a -->'), /<!-- a/],
    ['a style that asks for files', '<style>a { background: url(//x) }</style>', /its style asks for other files/],
    ['a style that places things', page('<p style="position: fixed">a</p>'), /its <p> has "style=/],
  ])('is not its own with %s', (_, foreign, message) => {
    expect(foreignPart(foreign)).toMatch(message);
  });

  it('is looked at in time that grows with its length alone', () => {
    const started = Date.now();
    for (const piece of ['<script>', '<a ', '<p a', '<', '<style>', 'a="'])
      expect(foreignPart(`<p${` ${piece}`.repeat(300_000)}`)).toEqual(expect.any(String));
    expect(Date.now() - started).toBeLessThan(20_000);
  });
});
