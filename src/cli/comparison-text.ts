import type { ComparedModel } from '../evaluation/compare/compared-model';
import type { ClassChange, Comparison, Contrast } from '../evaluation/compare/comparison';
import { HEADS } from '../evaluation/result';
import { pickFigures } from '../evaluation/results/read-evaluation';
import { plainMarkdown as plain, shortLabel } from '../foundation/text';
import { judgementsJson } from './judgement-text';
import { percentText } from './quantities';

const CLASSES_SHOWN = 6;

/** Differences are in percentage points; p is that of McNemar's test. */
const COLUMNS = ['model', 'gloss', 'difference', 'p', 'top-5', 'weighted F1', 'category', 'difference', 'p'];

/** For people: a table, then what changed from the baseline to each model. */
export function comparisonText(comparison: Comparison): string {
  const rows = [COLUMNS, ...rowsOf(comparison)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const table = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  const changes = comparison.contrasts.flatMap((contrast) => ['', ...changeLines(contrast, comparison)]);
  return `${[...aboutLines(comparison), '', ...table, ...changes].join('\n')}\n`;
}

/** The same in Markdown. */
export function comparisonMarkdown(comparison: Comparison): string {
  const row = (cells: readonly string[]): string => `| ${cells.map(plain).join(' | ')} |`;
  const table = [
    row(COLUMNS),
    `|${COLUMNS.map((_, column) => (column === 0 ? ' --- ' : ' ---: ')).join('|')}|`,
    ...rowsOf(comparison).map(row),
  ];
  const changes = comparison.contrasts.flatMap((contrast) => {
    const [title = '', ...lines] = changeLines(contrast, comparison);
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

function rowsOf({ baseline, contrasts }: Comparison): string[][] {
  const row = ({ title, figures: { gloss, category } }: ComparedModel, contrast: Contrast | undefined): string[] => {
    const contrasted = HEADS.map((head) =>
      contrast === undefined ? ['', ''] : [pointsText(contrast.difference[head]), contrast.test[head].p.toPrecision(2)],
    );
    const [ofGloss = [], ofCategory = []] = contrasted;
    return [
      title,
      percentText(gloss.accuracy),
      ...ofGloss,
      percentText(gloss.top_5_accuracy),
      gloss.f1_weighted.toFixed(4),
      percentText(category.accuracy),
      ...ofCategory,
    ];
  };
  return [row(baseline, undefined), ...contrasts.map((contrast) => row(contrast.model, contrast))];
}

function changeLines({ model, test, classes, pairedClips }: Contrast, { baseline }: Comparison): string[] {
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

/** `+1.3`: a difference of shares in percentage points. */
function pointsText(difference: number): string {
  const points = (100 * Math.abs(difference)).toFixed(1);
  return points === '0.0' ? '0.0' : `${difference > 0 ? '+' : '−'}${points}`;
}
