import { RESULT_FILES } from '../../folder/contents';
import { elementAt } from '../../foundation/required';
import { counted, shortLabel, percent } from '../../foundation/text';
import { confusions, isShownWhole, mostConfusedWith } from '../confusion';
import { fewLikeliest, topAccuracy } from '../metrics';
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
import { addressOf, framedPage, themedFigure } from './framed-page';
import { html, type Markup, countCell, shareCell, tableMarkup, type Cell } from './markup';

/** The report's pictures: drawn for a light page and for a dark one; undefined where none can be drawn. */
export type ReportPictures =
  | {
      readonly light: ResultPictures;
      readonly dark: ResultPictures;
      /** Strips of skeletons, by the clip's place among those that were evaluated. */
      readonly strips: ReadonlyMap<number, Buffer>;
    }
  | undefined;

/** Clips of the page's table of the worst. */
export const WORST_CLIPS = 25;
const CONFUSIONS = 30;
/** Clips and classes of one page: a browser has to hold every line. */
const MOST_CLIPS = 1000;
const MOST_CLASSES = 3000;

/**
 * The page of an evaluation.
 * @param created when it was made
 */
export function reportPage(result: EvaluationResult, pictures: ReportPictures, created: Date): string {
  return framedPage(
    `${modelTitle(result)}: evaluation`,
    html`
      ${heading(result, created)} ${cards(result)}
      <div class="beside">
        <div>${findingsSection(result)}</div>
        <div>${figures(result)}</div>
      </div>
      ${matrices(result, pictures)} ${classTables(result)} ${curvesAndReliability(pictures)} ${clips(result, pictures)}
      ${fileList(result, pictures)}
    `,
  );
}

function heading(result: EvaluationResult, created: Date): Markup {
  const { model, data } = result;
  const trained = model.epoch === undefined ? '' : `, after epoch ${model.epoch}`;
  return html`<h1>${modelTitle(result)}</h1>
    <p class="muted">
      ${model.architecture}${trained}, evaluated on ${data.title} (${counted(result.clips.length, 'clip')}, fingerprint
      ${data.fingerprint.slice(0, 16)}), ${created.toISOString().slice(0, 16).replace('T', ' ')} UTC
    </p>
    ${data.synthetic ? html`<p class="notice"><strong>Synthetic data.</strong> A generator made these clips and nobody signed them: the figures say nothing about real signs.</p>` : undefined}
    <nav>
      <a href="#figures">Figures</a><a href="#matrices">Confusion matrices</a><a href="#confusions">Confusions</a
      ><a href="#classes">Glosses</a><a href="#training">Training and confidence</a><a href="#worst">Worst clips</a
      ><a href="#clips">All clips</a>
    </nav>`;
}

function cards({ gloss, category, clips: evaluated }: EvaluationResult): Markup {
  const interval = ({ metrics }: HeadResult): string =>
    `95 % interval ${percent(metrics.accuracy_ci95_low)} to ${percent(metrics.accuracy_ci95_high)}`;
  const among = fewLikeliest(gloss);
  const card = (figure: string, title: string, more: string): Markup =>
    html`<div class="card"><b>${figure}</b>${title}<br /><span>${more}</span></div>`;
  return html`<div class="cards">
    ${card(percent(gloss.metrics.accuracy), 'gloss accuracy', interval(gloss))}
    ${among === undefined ? undefined : card(percent(gloss.metrics[`top_${among}_accuracy`]), `gloss among the top ${among}`, `of ${gloss.labels.length} glosses`)}
    ${card(gloss.metrics.f1_weighted.toFixed(3), 'weighted F1 of glosses', `macro ${gloss.metrics.f1_macro.toFixed(3)}`)}
    ${tellsCategories({ category }) ? card(percent(category.metrics.accuracy), 'category accuracy', interval(category)) : ''}
    ${card(String(evaluated.length), evaluated.length === 1 ? 'clip' : 'clips', `${gloss.predictions.filter(({ correct }) => !correct).length} with a wrong gloss`)}
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
  const says = (head: HeadResult, metric: string): boolean =>
    !(['top_3_accuracy', 'top_5_accuracy'].includes(metric) && topAccuracy(head, metric === 'top_3_accuracy' ? 3 : 5) === undefined);
  const rows = summaryRows(result)
    .filter(({ metric }) => says(result.gloss, metric) || says(result.category, metric))
    .map(({ metric, gloss, category }): Cell[] => [
      metric,
      cell(says(result.gloss, metric) ? gloss : undefined),
      ...(whole ? [cell(says(result.category, metric) ? category : undefined)] : []),
    ]);
  return html`<h2 id="figures">Figures</h2>
    <p class="muted">Named and computed as in scikit-learn, with zero_division 0; macro averages are over the classes that occur.</p>
    ${tableMarkup({ columns: ['metric', { number: 'gloss' }, ...(whole ? [{ number: 'category' }] : [])], rows })}`;
}

function matrices(result: EvaluationResult, pictures: ReportPictures): Markup {
  const [table, categoryTable] = confusionFiles(result);
  const part = ({ labels, confusion }: HeadResult, file: string): string =>
    isShownWhole(confusion) ? '' : `: those of the most frequent mistakes, of ${labels.length}; all are in ${file}`;
  // A large matrix needs the whole page.
  const besideOf = ({ labels }: HeadResult, wider: 'first' | 'second'): string => (labels.length > 40 ? '' : `beside ${wider}`);
  return html`<h2 id="matrices">Confusion matrices</h2>
    <div class="${besideOf(result.gloss, 'first')}">
      <div>${figure(pictures, 'confusion', `Confusion matrix of the glosses, those of a category framed${part(result.gloss, table)}`)}</div>
      <div>${confusionsSection(result)}</div>
    </div>
    ${
      tellsCategories(result)
        ? html`<div class="${besideOf(result.category, 'second')}">
            <div>${figure(pictures, 'categoryConfusion', `Confusion matrix of the categories${part(result.category, categoryTable)}`)}</div>
            <div>
              <h2>Categories</h2>
              ${classTable(result.category, RESULT_FILES.perCategory)}
            </div>
          </div>`
        : ''
    }`;
}

function classTables({ gloss }: EvaluationResult): Markup {
  return html`<h2 id="classes">Glosses</h2>
    <p class="muted">Click a heading to sort.</p>
    ${classTable(gloss, RESULT_FILES.perClass)}`;
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
    ${rows.length === 0 ? html`<p>None: every gloss is right.</p>` : tableMarkup({ columns: ['true gloss', 'taken for', { number: 'clips' }, { number: 'of its clips' }], rows, long: rows.length > 20 })}`;
}

function curvesAndReliability(pictures: ReportPictures): Markup {
  const curves =
    pictures?.light.curves === undefined
      ? html`<p class="muted">No training log lies beside the checkpoint, or its curves could not be drawn.</p>`
      : figure(pictures, 'curves', 'Losses and validation accuracies of each epoch');
  return html`<h2 id="training">Training and confidence</h2>
    ${curves} ${figure(pictures, 'reliability', 'How often the model is right where it is how sure')}`;
}

function clips(result: EvaluationResult, pictures: ReportPictures): Markup {
  const listed = worstClips(result, MOST_CLIPS);
  const more =
    result.clips.length > listed.length
      ? html`<p class="muted">
          The ${listed.length} of ${result.clips.length} whose true gloss the model thought least likely; ${RESULT_FILES.predictions} has
          all.
        </p>`
      : undefined;
  return html`<h2 id="worst">Worst clips</h2>
    <p class="muted">${worstText(result)}</p>
    ${clipTable(result, listed.slice(0, WORST_CLIPS), { long: false, strips: pictures?.strips })}
    <h2 id="clips">${more === undefined ? 'All clips' : 'Clips'}</h2>
    ${more} ${clipTable(result, listed, { long: true })}`;
}

function worstText({ gloss }: EvaluationResult): string {
  const wrong = gloss.predictions.filter(({ correct }) => !correct).length;
  const order = 'those whose true gloss the model thought least likely on top';
  if (wrong === 0) return `No gloss is wrong: the clips that came closest to it, ${order}.`;
  return `Wrong ones first, ${order}${wrong > WORST_CLIPS ? `: ${WORST_CLIPS} of ${wrong}` : ''}.`;
}

function clipTable(
  { gloss, category }: EvaluationResult,
  judged: readonly JudgedClip[],
  { long, strips = new Map() }: { readonly long: boolean; readonly strips?: ReadonlyMap<number, Buffer> | undefined },
): Markup {
  const withStrips = strips.size > 0; // They take the room of what the table of all clips has too.
  const marked = (prediction: HeadPrediction, { labels }: HeadResult): Markup | string => {
    const label = shortLabel(elementAt(labels, prediction.predicted));
    return prediction.correct ? label : html`<span class="wrong">${label}</span>`;
  };
  const occlusion = judged.some(({ clip }) => clip.occluded !== undefined);
  const rows = judged.map(({ clip, index, gloss: ofGloss, category: ofCategory }): Cell[] => [
    clip.name,
    ...(withStrips ? [stripCell(strips.get(index), clip.name)] : []),
    shortLabel(elementAt(gloss.labels, ofGloss.truth)),
    marked(ofGloss, gloss),
    shareCell(ofGloss.confidence),
    shareCell(ofGloss.truthProbability),
    countCell(ofGloss.rankOfTruth),
    ...(withStrips
      ? []
      : [marked(ofCategory, category), countCell(clip.frames), ...(occlusion ? [clip.occluded === true ? 'yes' : 'no'] : [])]),
  ]);
  const columns = [
    'clip',
    ...(withStrips ? ['from its first frame to its last'] : []),
    'true gloss',
    'predicted',
    { number: 'confidence' },
    { number: 'truth' },
    { number: 'its rank' },
    ...(withStrips ? [] : ['predicted category', { number: 'frames' }, ...(occlusion ? ['occluded'] : [])]),
  ];
  return tableMarkup({ columns, rows, long });
}

function stripCell(png: Buffer | undefined, name: string): Cell {
  return png === undefined ? '' : html`<img class="strip" src="${addressOf(png)}" width="320" alt="Skeletons of ${name}" />`;
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
  const [ofGlosses, ofCategories] = confusionFiles(result);
  const there = [
    summary,
    perClass,
    predictions,
    ofGlosses,
    ...(tellsCategories(result) ? [perCategory, ofCategories] : []),
    ...drawn,
    document,
  ];
  return html`<h2>Beside this page</h2>
    <p>${there.map((name, place) => html`${place === 0 ? '' : ', '}<a href="${name}">${name}</a>`)}</p>`;
}

function figure(pictures: ReportPictures, which: keyof ResultPictures, caption: string): Markup | undefined {
  const [light, dark] = [pictures?.light[which], pictures?.dark[which]];
  return themedFigure(light, dark, caption);
}
