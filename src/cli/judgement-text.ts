import type { Comparison } from '../evaluation/compare/comparison';
import { gotWorse, judge, type FigureChange, type GlossChange } from '../evaluation/compare/judgement';
import { plainMarkdown, shortLabel } from '../foundation/text';
import { percentText } from './quantities';

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
  const shown = (value: number): string => (figure.endsWith('F1') ? value.toFixed(4) : percentText(value));
  return `${figure} ${shown(before)} → ${shown(now)}`;
}

function glossText({ label, clips, rightBefore, rightNow, f1Before, f1Now }: GlossChange): string {
  return `${shortLabel(label)}: F1 ${f1Before.toFixed(2)} → ${f1Now.toFixed(2)}, right in ${rightBefore} → ${rightNow} of ${clips}`;
}
