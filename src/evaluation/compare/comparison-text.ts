import { elementAt } from '../../foundation/required';
import { plainMarkdown as plain, plainMarkdown, shortLabel, percent, signedPoints } from '../../foundation/text';
import { HEADS, type HeadName } from '../result';
import { pickFigures } from '../results/contents';
import {
  comparedHeads,
  type ClassChange,
  type ComparedModel,
  type Comparison,
  type Contrast,
  gotWorse,
  judge,
  type FigureChange,
  type GlossChange,
} from './comparison';

const CLASSES_SHOWN = 6;

/** Differences are in percentage points; p is that of McNemar's test. */
const COLUMNS = ['model', 'gloss', 'difference', 'p', 'top-5', 'weighted F1'];
const CATEGORY_COLUMNS = ['category', 'difference', 'p'];

function columnsOf(comparison: Comparison): string[] {
  return comparedHeads(comparison).includes('category') ? [...COLUMNS, ...CATEGORY_COLUMNS] : COLUMNS;
}

/** For people: a table, then what changed from the baseline to each model. */
export function comparisonText(comparison: Comparison): string {
  const headings = columnsOf(comparison);
  const rows = [headings, ...rowsOf(comparison)];
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => elementAt(row, column).length)));
  const table = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(elementAt(widths, column)) : cell.padStart(elementAt(widths, column))))
      .join('  ')
      .trimEnd(),
  );
  const changes = comparison.contrasts.flatMap((contrast) => ['', ...changeLines(contrast, comparison)]);
  return `${[...aboutLines(comparison), '', ...table, ...changes].join('\n')}\n`;
}

/** The same in Markdown. */
export function comparisonMarkdown(comparison: Comparison): string {
  const row = (cells: readonly string[]): string => `| ${cells.map(plain).join(' | ')} |`;
  const headings = columnsOf(comparison);
  const table = [
    row(headings),
    `|${headings.map((_, column) => (column === 0 ? ' --- ' : ' ---: ')).join('|')}|`,
    ...rowsOf(comparison).map(row),
  ];
  const changes = comparison.contrasts.flatMap((contrast) => {
    const [title, ...lines] = changeLines(contrast, comparison);
    return ['', `**${plain(title)}**`, '', ...lines.map((line) => `- ${plain(line.trim())}`)];
  });
  return `${[...aboutLines(comparison).map(plain), '', ...table, ...changes].join('\n')}\n`;
}

/** The same for a script. */
export function comparisonJson({ baseline, contrasts, sameData }: Comparison): string {
  const model = ({ named, title, data, figures, clips }: ComparedModel): Record<string, unknown> => ({
    model: named,
    title,
    fingerprint: data.fingerprint,
    clips: clips.size,
    gloss: pickFigures(figures.gloss),
    category: pickFigures(figures.category),
  });
  const document = {
    same_data: sameData,
    baseline: model(baseline),
    models: contrasts.map((contrast) => ({
      ...model(contrast.model),
      paired_clips: contrast.pairedClips,
      ...Object.fromEntries(
        HEADS.map((head) => [
          `${head}_versus_baseline`,
          {
            accuracy_difference: contrast.difference[head],
            mcnemar_p: contrast.test[head].p,
            only_baseline_right: contrast.test[head].onlyFirst,
            only_this_right: contrast.test[head].onlySecond,
          },
        ]),
      ),
      gloss_changes: contrast.classes,
    })),
  };
  return `${JSON.stringify({ ...document, judgements: judgementsJson({ baseline, contrasts, sameData }) }, null, 2)}\n`;
}

function aboutLines({ baseline, sameData }: Comparison): string[] {
  const { data, clips } = baseline;
  const synthetic = data.synthetic ? ' (made by a generator: these figures say nothing about real signs)' : '';
  return [
    sameData
      ? `${clips.size} clips of ${data.title}${synthetic}; differences are from ${baseline.title}`
      : `The models were NOT evaluated on the same clips: figures differ for that alone. Differences are from ${baseline.title}; tests use the clips that both have`,
  ];
}

function rowsOf(comparison: Comparison): string[][] {
  const { baseline, contrasts } = comparison;
  const withCategories = comparedHeads(comparison).includes('category');
  const row = ({ title, figures: { gloss, category } }: ComparedModel, contrast: Contrast | undefined): string[] => {
    const contrasted = (head: HeadName): string[] =>
      contrast === undefined ? ['', ''] : [signedPoints(contrast.difference[head]), contrast.test[head].p.toPrecision(2)];
    return [
      title,
      percent(gloss.accuracy),
      ...contrasted('gloss'),
      percent(gloss.top_5_accuracy),
      gloss.f1_weighted.toFixed(4),
      ...(withCategories ? [percent(category.accuracy), ...contrasted('category')] : []),
    ];
  };
  return [row(baseline, undefined), ...contrasts.map((contrast) => row(contrast.model, contrast))];
}

function changeLines({ model, test, classes, pairedClips }: Contrast, { baseline }: Comparison): [title: string, ...lines: string[]] {
  const gains = classes.filter(({ clips }) => clips > 0);
  const losses = classes.filter(({ clips }) => clips < 0).toReversed();
  const { onlyFirst, onlySecond, p } = test.gloss;
  const verdict =
    p < 0.05 ? 'more than chance would explain (McNemar’s exact test)' : 'no more than chance would explain (McNemar’s exact test)';
  return [
    `From ${baseline.title} to ${model.title}`,
    `  of ${pairedClips} clips ${onlySecond} are right only now, ${onlyFirst} only before: ${verdict}`,
    `  gains   ${changesText(gains)}`,
    `  losses  ${changesText(losses)}`,
  ];
}

function changesText(changes: readonly ClassChange[]): string {
  if (changes.length === 0) return 'none';
  const shown = changes
    .slice(0, CLASSES_SHOWN)
    .map(({ label, clips, of }) => `${shortLabel(label)} ${clips > 0 ? '+' : '−'}${Math.abs(clips)} of ${of}`);
  return `${shown.join(', ')}${changes.length > CLASSES_SHOWN ? `, and ${changes.length - CLASSES_SHOWN} more` : ''}`;
}

const GLOSSES_SHOWN = 8;

/** What each model of a comparison is worth, for people. */
export function judgementText(comparison: Comparison): string {
  const parts = comparison.contrasts.map((contrast) => {
    const { verdict, improved, regressed, figures } = judge(comparison, contrast);
    return [
      '',
      `${contrast.model.title} beside ${comparison.baseline.title}`,
      ...section('better', figures.filter(isBetter).map(figureText), improved.map(glossText)),
      ...section('worse', figures.filter(gotWorse).map(figureText), regressed.map(glossText)),
      `  verdict  ${verdict}`,
    ];
  });
  return `${parts.flat().join('\n')}\n`;
}

/** The same in Markdown. */
export function judgementMarkdown(comparison: Comparison): string {
  const parts = comparison.contrasts.map((contrast) => {
    const { verdict, improved, regressed, figures } = judge(comparison, contrast);
    const list = (title: string, lines: readonly string[]): string[] =>
      lines.length === 0 ? [] : ['', `${title}:`, '', ...lines.map((line) => `- ${plainMarkdown(line)}`)];
    return [
      '',
      `**${plainMarkdown(verdict)}**`,
      ...list('Improvements', [...figures.filter(isBetter).map(figureText), ...shownOf(improved.map(glossText))]),
      ...list('Regressions', [...figures.filter(gotWorse).map(figureText), ...shownOf(regressed.map(glossText))]),
    ];
  });
  return `${parts.flat().join('\n')}\n`;
}

/** The same for a script, by model. */
export function judgementsJson(comparison: Comparison): object[] {
  return comparison.contrasts.map((contrast) => {
    const { verdict, improved, regressed, figures } = judge(comparison, contrast);
    const gloss = (change: GlossChange): object => ({
      gloss: change.label,
      clips: change.clips,
      right_before: change.rightBefore,
      right_now: change.rightNow,
      f1_before: change.f1Before,
      f1_now: change.f1Now,
    });
    return {
      model: contrast.model.named,
      verdict,
      figures: figures.map(({ figure, before, now }) => ({ figure, before, now })),
      improved: improved.map(gloss),
      regressed: regressed.map(gloss),
    };
  });
}

function section(title: string, figures: readonly string[], glosses: readonly string[]): string[] {
  const lines = [...figures, ...shownOf(glosses)];
  return (lines.length === 0 ? ['nothing'] : lines).map((line, place) => `  ${(place === 0 ? title : '').padEnd(7)}  ${line}`);
}

function shownOf(glosses: readonly string[]): string[] {
  return glosses.length > GLOSSES_SHOWN
    ? [...glosses.slice(0, GLOSSES_SHOWN), `and ${glosses.length - GLOSSES_SHOWN} more glosses`]
    : [...glosses];
}

function isBetter({ before, now, ...change }: FigureChange): boolean {
  return gotWorse({ ...change, before: now, now: before });
}

function figureText({ figure, before, now }: FigureChange): string {
  const shown = (value: number): string => (figure.endsWith('F1') ? value.toFixed(4) : percent(value));
  return `${figure} ${shown(before)} → ${shown(now)}`;
}

function glossText({ label, clips, rightBefore, rightNow, f1Before, f1Now }: GlossChange): string {
  return `${shortLabel(label)}: F1 ${f1Before.toFixed(2)} → ${f1Now.toFixed(2)}, right in ${rightBefore} → ${rightNow} of ${clips}`;
}
