import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { notesLines, keepHandWritten, asHandWritten, handWrittenIn, hasHandWrittenMarks } from '../../src/folder/readme';
import { plainMarkdown, shellWord } from '../../src/foundation/text';

const [, , START = '', , END = ''] = notesLines();
const block = (...lines: string[]): string[] => [START, ...lines, END];
const page = (figure: string): string =>
  [
    '# model',
    '',
    'What it is.',
    '',
    '## Figures',
    '',
    figure,
    '',
    '```sh',
    '# no heading',
    '```',
    '',
    '## Recipe',
    '',
    'lr',
    '',
    ...notesLines(),
  ].join('\n');

describe('what a person wrote into a page', () => {
  it('stays in its section, as it is, however often the page is written anew', () => {
    const notes = ['Not for medical use.', '', '## A heading of mine', '```', '# code', '```'];
    const old = page('37 %')
      .replace('What it is.', ['What it is.', ...block('Ask Ana first.')].join('\n'))
      .replace('# no heading\n```', ['# no heading\n```', ...block('Measured on a Tuesday.'), ...block('And on a Friday.')].join('\n'))
      .replace(block('').join('\n'), block(...notes).join('\n'));
    const kept = keepHandWritten(page('41 %'), old);
    expect(keepHandWritten(page('41 %'), kept)).toBe(kept);
    expect(kept).toContain('41 %');
    expect(kept).not.toContain('37 %');
    const order = [
      'What it is.',
      'Ask Ana first.',
      '## Figures',
      '41 %',
      'a Tuesday',
      'a Friday',
      '## Recipe',
      '## Notes by hand',
      'medical',
      '# code',
    ];
    const places = order.map((text) => kept.indexOf(text));
    expect(places).toEqual(places.toSorted((one, other) => one - other));
    expect(places).not.toContain(-1);
    expect(kept).toContain(block(...notes).join('\n'));
    expect(hasHandWrittenMarks(kept)).toBe(true);
  });

  it('goes to the notes where its section is gone, and ends before the next heading where its end is missing', () => {
    const old = ['# old name', START, 'no end', '', '## Gone', ...block('remains'), '## Recipe', ...block('lr was a guess')].join('\n');
    const kept = keepHandWritten(page('1'), old);
    expect(kept.indexOf('no end')).toBeLessThan(kept.indexOf('## Figures'));
    expect(kept.indexOf('lr was a guess')).toBeLessThan(kept.indexOf('## Notes by hand'));
    expect(kept.indexOf('remains')).toBeGreaterThan(kept.indexOf('## Notes by hand'));
    expect(kept).not.toContain('## Gone');
    expect(keepHandWritten(page('1'), kept)).toBe(kept);
  });

  it('is nothing where nobody wrote; a page written by hand alone becomes a note', () => {
    expect(keepHandWritten(page('1'), page('2'))).toBe(page('1'));
    expect(keepHandWritten(page('1'), '')).toBe(page('1'));
    const taken = keepHandWritten(page('1'), asHandWritten('# My model\n\nIt is good.\n'));
    expect(taken).toContain(block('# My model', '', 'It is good.').join('\n'));
    expect(keepHandWritten(page('1'), taken)).toBe(taken);
    expect(handWrittenIn(['x', ...block('a'), 'y'].join('\n'))).toBe(`\n\n${block('a').join('\n')}`);
  });

  it('is never lost, whatever stands around it', () => {
    const line = fc.constantFrom('# a', '## Figures', '## Recipe', '### b', '```', 'text', '', START, END, '~~~', '- x');
    fc.assert(
      fc.property(fc.array(line, { maxLength: 14 }), fc.nat(14), (lines, at) => {
        const old = [...lines.slice(0, at), '', ...block('precious'), ...lines.slice(at)].join('\n');
        const kept = keepHandWritten(page('1'), old);
        expect(kept).toContain('precious');
        expect(keepHandWritten(page('1'), kept)).toBe(kept);
      }),
    );
  });
});

describe('texts from files', () => {
  it('form nothing in Markdown, and are one word in a shell', () => {
    expect(plainMarkdown('<b>&amp; `x` *y* |z|\n# [a](b) ~')).toBe('\\<b\\>&amp;amp; \\`x\\` \\*y\\* \\|z\\|\ufffd\\# \\[a\\](b) \\~');
    expect(shellWord('trained_models/a-1.0')).toBe('trained_models/a-1.0');
    expect(shellWord("a b'; rm -rf $HOME\n")).toBe(String.raw`'a b'\''; rm -rf $HOME` + `\ufffd'`);
  });
});
