import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { RESULT_FILES } from '../../folder/contents';
import { elementAt } from '../../foundation/required';
import { shortLabel, percent } from '../../foundation/text';
import { confusions, isShownWhole, mostConfusedWith } from '../confusion';
import type { ResultPictures } from '../pictures/charts';
import {
  type HeadPrediction,
  type HeadResult,
  modelTitle,
  tellsCategories,
  worstClips,
  type EvaluationResult,
  type JudgedClip,
} from '../result';
import { confusionFiles, summaryRows } from '../results/contents';
import { findings } from './findings';
import { html, Markup, countCell, shareCell, tableMarkup, type Cell } from './markup';

/** The report's pictures: drawn for a light page and for a dark one; undefined where none can be drawn. */
export type ReportPictures = { readonly light: ResultPictures; readonly dark: ResultPictures } | undefined;

const WORST_CLIPS = 25;
const CONFUSIONS = 30;
/** Clips and classes of one page: a browser has to hold every line. */
const MOST_CLIPS = 1000;
const MOST_CLASSES = 3000;
/** Wider pictures are shown smaller until they are clicked. */
const WIDTH_OF_THE_PAGE = 1140;

/**
 * The page of an evaluation: one HTML file that holds all it needs and asks nothing of the network. It follows the reader's choice of light or dark.
 * @param created when it was made
 */
export function reportPage(result: EvaluationResult, pictures: ReportPictures, created: Date): string {
  const asset = (file: string): string => readFileSync(path.join(__dirname, file), 'utf8');
  const [style, script] = [asset('style.css'), asset('interaction.js')];
  const scriptHash = createHash('sha256').update(script).digest('base64');
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${scriptHash}'`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <title>${modelTitle(result)}: evaluation</title>
        ${element('style', style)}
      </head>
      <body>
        <main>
          ${heading(result, created)} ${cards(result)} ${findingsSection(result)} ${figures(result)} ${matrices(result, pictures)}
          ${classTables(result)} ${confusionsSection(result)} ${curvesAndReliability(pictures)} ${clips(result)}
          ${fileList(result, pictures)}
        </main>
        ${element('script', script)}
      </body>
    </html> `;
  return page.text;
}

/** Its text to the letter: the page's policy allows the one script of this very hash. */
function element(name: 'script' | 'style', text: string): Markup {
  return new Markup(`<${name}>${text}</${name}>`);
}

function heading(result: EvaluationResult, created: Date): Markup {
  const { model, data } = result;
  const trained = model.epoch === undefined ? '' : `, after epoch ${model.epoch}`;
  return html`<h1>${modelTitle(result)}</h1>
    <p class="muted">
      ${model.architecture}${trained}, evaluated on ${data.title} (${result.clips.length} clips, fingerprint
      ${data.fingerprint.slice(0, 16)}), ${created.toISOString().slice(0, 16).replace('T', ' ')} UTC
    </p>
    ${data.synthetic ? html`<p class="notice"><strong>Synthetic data.</strong> A generator made these clips and nobody signed them: the figures say nothing about real signs.</p>` : undefined}
    <nav>
      <a href="#figures">Figures</a><a href="#matrices">Confusion matrices</a><a href="#classes">Classes</a
      ><a href="#confusions">Confusions</a><a href="#training">Training and confidence</a><a href="#worst">Worst clips</a
      ><a href="#clips">All clips</a>
    </nav>`;
}

function cards({ gloss, category, clips: evaluated }: EvaluationResult): Markup {
  const interval = ({ metrics }: HeadResult): string =>
    `95 % interval ${percent(metrics.accuracy_ci95_low)} to ${percent(metrics.accuracy_ci95_high)}`;
  const card = (figure: string, title: string, more: string): Markup =>
    html`<div class="card"><b>${figure}</b>${title}<br /><span>${more}</span></div>`;
  return html`<div class="cards">
    ${card(percent(gloss.metrics.accuracy), 'gloss accuracy', interval(gloss))}
    ${card(percent(gloss.metrics.top_5_accuracy), 'gloss among the top 5', `of ${gloss.labels.length} glosses`)}
    ${card(gloss.metrics.f1_weighted.toFixed(3), 'weighted F1 of glosses', `macro ${gloss.metrics.f1_macro.toFixed(3)}`)}
    ${tellsCategories({ category }) ? card(percent(category.metrics.accuracy), 'category accuracy', interval(category)) : ''}
    ${card(String(evaluated.length), 'clips', `${gloss.predictions.filter(({ correct }) => !correct).length} with a wrong gloss`)}
  </div>`;
}

function findingsSection(result: EvaluationResult): Markup {
  return html`<h2>What stands out</h2>
    <ul>
      ${findings(result).map((finding) => html`<li>${finding}</li>`)}
    </ul>`;
}

function figures(result: EvaluationResult): Markup {
  const cell = (value: number | undefined): Cell =>
    value === undefined || Number.isNaN(value) ? '' : { value, text: Number.isInteger(value) ? String(value) : value.toFixed(4) };
  const whole = tellsCategories(result);
  const rows = summaryRows(result).map(({ metric, gloss, category }): Cell[] => [metric, cell(gloss), ...(whole ? [cell(category)] : [])]);
  return html`<h2 id="figures">Figures</h2>
    <p class="muted">Named and computed as in scikit-learn, with zero_division 0; macro averages are over the classes that occur.</p>
    ${tableMarkup({ columns: ['metric', { number: 'gloss' }, ...(whole ? [{ number: 'category' }] : [])], rows })}`;
}

function matrices(result: EvaluationResult, pictures: ReportPictures): Markup {
  const [table, categoryTable] = confusionFiles(result);
  const part = ({ labels, confusion }: HeadResult, file: string): string =>
    isShownWhole(confusion) ? '' : `: those of the most frequent mistakes, of ${labels.length}; all are in ${file}`;
  return html`<h2 id="matrices">Confusion matrices</h2>
    ${figure(pictures, 'confusion', `Confusion matrix of the glosses, those of a category framed${part(result.gloss, table)}`)}
    ${tellsCategories(result) ? figure(pictures, 'categoryConfusion', `Confusion matrix of the categories${part(result.category, categoryTable)}`) : ''}`;
}

function classTables({ gloss, category }: EvaluationResult): Markup {
  return html`<h2 id="classes">Classes</h2>
    <p class="muted">Click a heading to sort.</p>
    ${classTable(gloss, RESULT_FILES.perClass)}
    ${
      tellsCategories({ category })
        ? html`<h2>Categories</h2>
            ${classTable(category, RESULT_FILES.perCategory)}`
        : ''
    }`;
}

function classTable({ labels, perClass, confusion }: HeadResult, file: string): Markup {
  const all = perClass.map((metrics, id) => ({ ...metrics, id }));
  const occurring = all.filter(({ support, predictions }) => support + predictions > 0);
  const listed = all.length > MOST_CLASSES ? occurring.slice(0, MOST_CLASSES) : all;
  const rows = listed.map(({ id, precision, recall, f1, support }): Cell[] => {
    const confused = mostConfusedWith(confusion, id);
    return [
      countCell(id),
      labelCell(elementAt(labels, id)),
      shareCell(precision),
      shareCell(recall),
      shareCell(f1),
      countCell(support),
      confused === undefined ? '' : `${shortLabel(elementAt(labels, confused.id))} (${confused.count} of ${support})`,
    ];
  });
  const columns = [
    { number: 'id' },
    'label',
    { number: 'precision' },
    { number: 'recall' },
    { number: 'F1' },
    { number: 'clips' },
    'most confused with',
  ];
  const more =
    listed.length < all.length
      ? html`<p class="muted">${listed.length} of ${all.length} classes, of those that occur; ${file} has all.</p>`
      : undefined;
  return html`${more} ${tableMarkup({ columns, rows, long: listed.length > 20 })}`;
}

/** A label that is cut is whole where the mouse rests on it. */
function labelCell(label: string): Cell {
  const short = shortLabel(label);
  return short === label ? label : html`<span title="${label}">${short}</span>`;
}

function confusionsSection({ gloss }: EvaluationResult): Markup {
  const found = confusions(gloss.confusion);
  const rows = found
    .slice(0, CONFUSIONS)
    .map(({ truth, prediction, count }): Cell[] => [
      shortLabel(elementAt(gloss.labels, truth)),
      shortLabel(elementAt(gloss.labels, prediction)),
      countCell(count),
      shareCell(count / elementAt(gloss.perClass, truth).support),
    ]);
  const more = found.length > CONFUSIONS ? html`<p class="muted">The ${CONFUSIONS} most frequent of ${found.length}.</p>` : undefined;
  return html`<h2 id="confusions">Confusions</h2>
    ${more}
    ${rows.length === 0 ? html`<p>None: every gloss is right.</p>` : tableMarkup({ columns: ['true gloss', 'taken for', { number: 'clips' }, { number: 'of its clips' }], rows })}`;
}

function curvesAndReliability(pictures: ReportPictures): Markup {
  const curves =
    pictures?.light.curves === undefined
      ? html`<p class="muted">No training log lies beside the checkpoint, or its curves could not be drawn.</p>`
      : figure(pictures, 'curves', 'Losses and validation accuracies of each epoch');
  return html`<h2 id="training">Training and confidence</h2>
    ${curves} ${figure(pictures, 'reliability', 'How often the model is right where it is how sure')}`;
}

function clips(result: EvaluationResult): Markup {
  const listed = worstClips(result, MOST_CLIPS);
  const more =
    result.clips.length > listed.length
      ? html`<p class="muted">
          The ${listed.length} of ${result.clips.length} whose true gloss the model thought least likely; ${RESULT_FILES.predictions} has
          all.
        </p>`
      : undefined;
  return html`<h2 id="worst">Worst clips</h2>
    <p class="muted">Those whose true gloss the model thought least likely: look at them first.</p>
    ${clipTable(result, listed.slice(0, WORST_CLIPS), false)}
    <h2 id="clips">${more === undefined ? 'All clips' : 'Clips'}</h2>
    ${more} ${clipTable(result, listed, true)}`;
}

function clipTable({ gloss, category }: EvaluationResult, judged: readonly JudgedClip[], long: boolean): Markup {
  const marked = (prediction: HeadPrediction, { labels }: HeadResult): Markup | string => {
    const label = shortLabel(elementAt(labels, prediction.predicted));
    return prediction.correct ? label : html`<span class="wrong">${label}</span>`;
  };
  const occlusion = judged.some(({ clip }) => clip.occluded !== undefined);
  const rows = judged.map(({ clip, gloss: ofGloss, category: ofCategory }): Cell[] => [
    clip.name,
    shortLabel(elementAt(gloss.labels, ofGloss.truth)),
    marked(ofGloss, gloss),
    shareCell(ofGloss.confidence),
    shareCell(ofGloss.truthProbability),
    countCell(ofGloss.rankOfTruth),
    marked(ofCategory, category),
    countCell(clip.frames),
    ...(occlusion ? [clip.occluded === true ? 'yes' : 'no'] : []),
  ]);
  const columns = [
    'clip',
    'true gloss',
    'predicted',
    { number: 'confidence' },
    { number: 'of the truth' },
    { number: 'rank of the truth' },
    'predicted category',
    { number: 'frames' },
    ...(occlusion ? ['occluded'] : []),
  ];
  return tableMarkup({ columns, rows, long });
}

function fileList(result: EvaluationResult, pictures: ReportPictures): Markup {
  const { summary, perClass, perCategory, predictions, confusionPicture, categoryConfusionPicture, curves, reliability, document } =
    RESULT_FILES;
  const light = pictures?.light;
  const drawn = [
    { name: confusionPicture, png: light?.confusion },
    { name: categoryConfusionPicture, png: light?.categoryConfusion },
    { name: curves, png: light?.curves },
    { name: reliability, png: light?.reliability },
  ].flatMap(({ name, png }) => (png === undefined ? [] : [name]));
  const there = [summary, perClass, perCategory, predictions, ...confusionFiles(result), ...drawn, document];
  return html`<h2>Beside this page</h2>
    <p>${there.map((name, place) => html`${place === 0 ? '' : ', '}<a href="${name}">${name}</a>`)}</p>`;
}

function figure(pictures: ReportPictures, which: keyof ResultPictures, caption: string): Markup | undefined {
  const [light, dark] = [pictures?.light[which], pictures?.dark[which]];
  if (light === undefined || dark === undefined) return undefined;
  const address = (png: Buffer): string => `data:image/png;base64,${png.toString('base64')}`;
  const width = Math.round(light.readUInt32BE(16) / 2); // The PNG's header: two of its pixels are one of the page's.
  const picture = html`<picture
    ><source media="(prefers-color-scheme: dark)" srcset="${address(dark)}" />
    <img src="${address(light)}" width="${width}" alt="${caption}"
  /></picture>`;
  const large = width > WIDTH_OF_THE_PAGE;
  return html`<figure>
    ${large ? html`<button type="button" class="zoom" title="In full, or as wide as the page">${picture}</button>` : picture}
    <figcaption>${caption}${large ? '; a click shows it in full' : ''}.</figcaption>
  </figure>`;
}
