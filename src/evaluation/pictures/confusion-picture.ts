import type { SKRSContext2D } from '@napi-rs/canvas';
import { elementAt, required } from '../../foundation/required';
import { counted, shortText } from '../../foundation/text';
import { clipsOfClass, confusionAt, shownClasses, type ConfusionMatrix } from '../confusion';
import { drawPicture, measureText, type PictureSize } from './canvas';
import { between, readableOn, type Theme } from './drawing';
import { bringFontsFor, canWrite, fontOf } from './fonts';

/** What a picture of a confusion matrix shows. */
export interface ConfusionPicture {
  readonly title: string;
  readonly matrix: ConfusionMatrix;
  /** Position = class id. */
  readonly labels: readonly string[];
  /** Classes that belong together, each with its name; position = class id. They are put side by side and framed. */
  readonly groups?: readonly (string | undefined)[];
}

/** A run of neighbouring rows of one group. */
interface Block {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

interface Layout {
  readonly title: string;
  readonly subtitle: string;
  /** The line below the picture; empty where there is none. */
  readonly footnote: string;
  readonly order: readonly number[];
  readonly names: readonly string[];
  readonly blocks: readonly Block[];
  readonly cell: number;
  readonly labelSize: number;
  readonly left: number;
  readonly top: number;
  readonly side: number;
  /** How much larger titles are than in a small picture. */
  readonly scale: number;
  readonly size: PictureSize;
}

const MARGIN = 20;
const TITLE_HEIGHT = 58;
const AXIS_TITLE = 24;
const LONGEST_LABEL = 230;
const LONGEST_TITLE = 1200;
const LEGEND_HEIGHT = 62;
/** Letters of a text that are measured at all. */
const MOST_LETTERS = 200;
/** The faintest that one clip of many may be. */
const LEAST_SHADE = 0.16;

/**
 * Draws a confusion matrix: a row for each true class, shaded by its share of the row's clips, blue where right and orange where wrong. Of very many classes
 * those of the most frequent mistakes. @returns the PNG.
 */
export function confusionPicture(picture: ConfusionPicture, theme: Theme): Buffer {
  bringFontsFor([picture.title, ...picture.labels, ...(picture.groups ?? [])].join(''));
  const layout = layOut(picture);
  return drawPicture(layout.size, theme, (context) => {
    drawTitle(context, layout, theme);
    drawCells(context, picture.matrix, layout, theme);
    drawBlocks(context, layout, theme);
    drawLabels(context, layout, theme);
    drawLegend(context, layout, theme);
  });
}

function layOut({ matrix, labels, groups, title }: ConfusionPicture): Layout {
  const order = shownClasses(matrix);
  const classes = order.length;
  const scale = Math.min(1.5, Math.max(1, classes / 60));
  const firstOf = new Map<string, number>();
  groups?.forEach((name, id) => {
    if (name !== undefined && !firstOf.has(name)) firstOf.set(name, id);
  });
  // Classes without a group come last.
  const placeOf = (id: number): number => {
    const group = groups?.[id];
    return group === undefined ? labels.length : required(firstOf.get(group), `the first class of ${group}`);
  };
  order.sort((one, other) => placeOf(one) - placeOf(other) || one - other);
  const cell = Math.min(72, Math.max(14, Math.round(560 / classes)));
  const labelSize = Math.min(13, Math.max(9, Math.round(cell * 0.64)));
  const unwritable = order.filter((id) => !canWrite(elementAt(labels, id))).length;
  const nameOf = (id: number): string => (canWrite(elementAt(labels, id)) ? elementAt(labels, id) : `class ${id}`);
  const names = order.map((id) => shortened(nameOf(id), fontOf(labelSize), LONGEST_LABEL));
  const gutter = Math.ceil(Math.max(...names.map((name) => measureText(name, fontOf(labelSize))), 40)) + 10;
  const blockFont = fontOf(11 * scale, 'bold');
  const blocks = blocksOf(order.map((id) => groups?.[id])).map((block) => ({
    ...block,
    name: shortened(block.name, blockFont, LONGEST_LABEL * scale),
  }));
  const blockGutter = blocks.length === 0 ? 0 : Math.ceil(Math.max(...blocks.map(({ name }) => measureText(name, blockFont)))) + 14;
  const side = cell * classes;
  const left = MARGIN + AXIS_TITLE + gutter;
  const top = MARGIN + TITLE_HEIGHT * scale;
  const titleFont = fontOf(17 * scale, 'bold');
  const shownTitle = shortened(title, titleFont, Math.max(left + side + blockGutter - MARGIN, LONGEST_TITLE));
  const width = Math.max(left + side + blockGutter, 2 * MARGIN + measureText(shownTitle, titleFont), left + 350) + MARGIN;
  return {
    title: shownTitle,
    subtitle: subtitleOf(matrix.classes, classes),
    footnote:
      unwritable === 0
        ? ''
        : `${counted(unwritable, 'class is', 'classes are')} named by id: no font that comes with Kumpas has the letters of ${unwritable === 1 ? 'its label' : 'their labels'}.`,
    order,
    names,
    blocks,
    cell,
    labelSize,
    left,
    top,
    side,
    scale,
    size: { width, height: top + side + gutter + AXIS_TITLE + LEGEND_HEIGHT + MARGIN },
  };
}

function subtitleOf(classes: number, shown: number): string {
  if (shown < classes) return `The ${shown} most confused of ${classes} classes: a row is a true class, a column what it was taken for`;
  const numbers = shown > 40 ? 'clips in a cell where they fit' : 'numbers are clips';
  return `A row is a true class, a column what it was taken for; ${numbers}`;
}

function blocksOf(names: readonly (string | undefined)[]): Block[] {
  const blocks: Block[] = [];
  names.forEach((name, place) => {
    const last = blocks.at(-1);
    if (name === undefined) return;
    if (last?.name === name && last.to === place) blocks[blocks.length - 1] = { ...last, to: place + 1 };
    else blocks.push({ name, from: place, to: place + 1 });
  });
  return blocks;
}

function drawTitle(context: SKRSContext2D, { title, subtitle, scale }: Layout, theme: Theme): void {
  context.textBaseline = 'top';
  context.textAlign = 'left';
  context.fillStyle = theme.text;
  context.font = fontOf(17 * scale, 'bold');
  context.fillText(title, MARGIN, MARGIN);
  context.fillStyle = theme.muted;
  context.font = fontOf(12 * scale);
  context.fillText(subtitle, MARGIN, MARGIN + 26 * scale);
}

function drawCells(context: SKRSContext2D, matrix: ConfusionMatrix, { order, cell, left, top, side }: Layout, theme: Theme): void {
  context.fillStyle = theme.empty;
  context.fillRect(left, top, side, side);
  const gap = cell >= 24 ? 1 : 0.5;
  const numberSize = Math.min(15, cell * 0.5);
  context.font = fontOf(numberSize);
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  order.forEach((truth, row) => {
    const support = clipsOfClass(matrix, truth);
    order.forEach((prediction, column) => {
      const count = confusionAt(matrix, truth, prediction);
      const [x, y] = [left + column * cell, top + row * cell];
      if (count === 0) return;
      const colour = shade(count / support, truth === prediction ? theme.right : theme.wrong, theme);
      context.fillStyle = colour;
      context.fillRect(x + gap / 2, y + gap / 2, cell - gap, cell - gap);
      const text = String(count);
      if (context.measureText(text).width > cell - 2) return;
      context.fillStyle = readableOn(colour);
      context.fillText(text, x + cell / 2, y + cell / 2 + numberSize * 0.05);
    });
  });
  context.strokeStyle = theme.grid;
  context.lineWidth = cell >= 24 ? 1 : 0.4;
  context.beginPath();
  for (let line = 0; line <= order.length; line++) {
    context.moveTo(left + line * cell, top);
    context.lineTo(left + line * cell, top + side);
    context.moveTo(left, top + line * cell);
    context.lineTo(left + side, top + line * cell);
  }
  context.stroke();
}

function shade(share: number, colour: string, theme: Theme): string {
  return between(theme.empty, colour, LEAST_SHADE + (1 - LEAST_SHADE) * share);
}

function drawBlocks(context: SKRSContext2D, { blocks, cell, left, top, side, scale }: Layout, theme: Theme): void {
  context.strokeStyle = theme.text;
  context.lineWidth = 1.6;
  context.fillStyle = theme.text;
  context.font = fontOf(11 * scale, 'bold');
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  for (const { name, from, to } of blocks) {
    const length = (to - from) * cell;
    context.strokeRect(left + from * cell, top + from * cell, length, length);
    context.fillText(name, left + side + 8, top + from * cell + length / 2);
    context.fillRect(left + side + 2, top + from * cell + 2, 2, length - 4);
  }
}

function drawLabels(context: SKRSContext2D, { names, cell, labelSize, left, top, side, scale, size }: Layout, theme: Theme): void {
  context.fillStyle = theme.text;
  context.font = fontOf(labelSize);
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  names.forEach((name, place) => {
    context.fillText(name, left - 6, top + (place + 0.5) * cell);
  });
  const turned = (x: number, y: number, text: string, align: 'right' | 'center'): void => {
    context.save();
    context.translate(x, y);
    context.rotate(-Math.PI / 2);
    context.textAlign = align;
    context.fillText(text, 0, 0);
    context.restore();
  };
  names.forEach((name, place) => {
    turned(left + (place + 0.5) * cell, top + side + 6, name, 'right');
  });
  context.fillStyle = theme.muted;
  context.font = fontOf(12 * scale, 'bold');
  turned(MARGIN + 6, top + side / 2, 'true class', 'center');
  context.textAlign = 'center';
  context.fillText('predicted class', left + side / 2, size.height - MARGIN - LEGEND_HEIGHT - AXIS_TITLE / 2 + 4);
}

function drawLegend(context: SKRSContext2D, { left, size, footnote }: Layout, theme: Theme): void {
  context.fillStyle = theme.muted;
  context.font = fontOf(11);
  context.textAlign = 'left';
  context.textBaseline = 'alphabetic';
  context.fillText(footnote, MARGIN, size.height - MARGIN / 2);
  const top = size.height - MARGIN - LEGEND_HEIGHT + 20;
  const length = 130;
  [
    { name: 'right', colour: theme.right, x: left },
    { name: 'wrong', colour: theme.wrong, x: left + length + 40 },
  ].forEach(({ name, colour, x }) => {
    for (let step = 0; step < length; step++) {
      context.fillStyle = shade(step / (length - 1), colour, theme);
      context.fillRect(x + step, top, 1.5, 10);
    }
    context.fillStyle = theme.text;
    context.font = fontOf(11);
    context.textBaseline = 'alphabetic';
    context.textAlign = 'left';
    context.fillText(`${name}: share of the true class`, x, top - 5);
    context.fillStyle = theme.muted;
    context.textBaseline = 'top';
    context.fillText('0 %', x, top + 14);
    context.textAlign = 'right';
    context.fillText('100 %', x + length, top + 14);
  });
}

/** A text with its end left out where it is wider than allowed. */
function shortened(text: string, font: string, widest: number): string {
  let shown = shortText(text, MOST_LETTERS);
  while (shown.length > 1 && measureText(shown, font) > widest) shown = shortText(text, shown.length - 1);
  return shown;
}
