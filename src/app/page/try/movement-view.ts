import { pointInWords } from '../../../config/landmark-names';
import { drawSkeleton, frameOf, skeletonOf } from '../../../evaluation/pictures/skeleton';
import { elementAt, required } from '../../../foundation/required';
import { colourOf, element } from '../shared/elements';
import { LineChart } from '../shared/line-chart';
import { heatOf, pathLength, trackOf } from '../shared/movement';
import type { Player } from '../shared/player';

/** Columns of the heat map; as many rows as make its cells square. */
const COLUMNS = 48;
const FAINT = 0.35;

/** A part of the body that can be looked at: all points of a part, or one. */
interface Place {
  readonly words: string;
  readonly points: readonly number[];
}

/** How any part of the body moves: its way from left to right and from top to bottom over the frames, and a map of where it has been. */
export class MovementView {
  readonly root: HTMLElement;
  private readonly chart = new LineChart({ title: 'Trajectory', across: 'Frame', format: (value) => value.toFixed(3), gaps: true });
  private readonly map = element('canvas', { role: 'img' });
  private readonly said = element('p', { class: 'quiet' });
  private readonly places: readonly Place[];
  private readonly dark = matchMedia('(prefers-color-scheme: dark)');
  private chosen: Place;
  private request = 0;
  private heat: Float32Array = new Float32Array();

  constructor(private readonly player: Player) {
    const { layout } = player.keypoints;
    const groups = layout.parts.map(({ name, first, count }) => {
      const part = capitalised(name.replaceAll('_', ' '));
      const points = Array.from({ length: count }, (_, place) => first + place);
      const single = points.map((point): Place => ({ words: `${part}: ${pointInWords(layout, point)}`, points: [point] }));
      return { part, places: [...(count > 1 ? [{ words: `${part}: all of it`, points }] : []), ...single] };
    });
    this.places = groups.flatMap(({ places }) => places);
    this.chosen = this.liveliest();
    const choice = element('select', { 'aria-label': 'Part of the body' });
    for (const { part, places } of groups) {
      const options = places.map((place) =>
        element('option', { value: this.places.indexOf(place), selected: place === this.chosen }, place.words),
      );
      choice.append(element('optgroup', { label: part }, ...options));
    }
    choice.addEventListener('change', () => {
      this.chosen = elementAt(this.places, Number(choice.value));
      this.show();
    });
    const head = element('div', { class: 'movement-head' }, element('h3', {}, 'Movement'), element('label', {}, 'of ', choice));
    const heatMap = element('figure', { class: 'heat-map' }, element('figcaption', {}, 'Where it has been'), this.map, this.said);
    this.root = element('div', { class: 'card movement' }, head, element('div', { class: 'movement-plots' }, this.chart.root, heatMap));
    const { width, height } = player.stage.size;
    this.map.width = width * 2;
    this.map.height = height * 2;
    this.dark.addEventListener('change', this.onTheme);
    this.show();
    player.listen((frame) => {
      this.chart.mark(frame + 1);
      this.draw(frame);
    });
  }

  /** Ends it. */
  dispose(): void {
    cancelAnimationFrame(this.request);
    this.dark.removeEventListener('change', this.onTheme);
    this.chart.dispose();
  }

  private readonly onTheme = (): void => {
    this.draw(this.player.current);
  };

  /** The wrist of the hand that moves most; of other skeletons the first that there is to choose. */
  private liveliest(): Place {
    const { stage, keypoints } = this.player;
    const wrists = this.places.filter(({ words, points }) => points.length === 1 && words.endsWith('hand: wrist'));
    const ways = wrists.map(({ points }) => pathLength(trackOf(keypoints, points), stage.aspect));
    const most = wrists[ways.indexOf(Math.max(...ways))];
    return most ?? required(this.places[0], 'a part of the body');
  }

  private show(): void {
    const { keypoints, stage } = this.player;
    const { words, points } = this.chosen;
    const track = trackOf(keypoints, points);
    const lineOf = (values: Float64Array): { x: number; y: number }[] => Array.from(values, (y, frame) => ({ x: frame + 1, y }));
    this.chart.show([
      { name: 'x: from left (0) to right (1)', points: lineOf(track.x) },
      { name: 'y: from top (0) to bottom (1)', points: lineOf(track.y) },
    ]);
    const { size, view } = stage;
    const rows = Math.max(1, Math.round((COLUMNS * size.height) / size.width));
    const [width, height] = [size.width / view.scale.x, size.height / view.scale.y];
    this.heat = heatOf(keypoints, points, { columns: COLUMNS, rows, left: view.left, top: view.top, width, height });
    this.said.textContent = this.heat.some((warmth) => warmth > 0)
      ? 'The stronger the colour, the longer it was there.'
      : 'It was found in no frame.';
    this.map.setAttribute('aria-label', `Heat map of ${words}: ${boundsInWords(track)}`);
    this.draw(this.player.current);
  }

  private drawLater(): void {
    cancelAnimationFrame(this.request);
    this.request = requestAnimationFrame(() => {
      this.draw(this.player.current);
    });
  }

  /** The map, and in it, faint, the skeleton of the frame that is shown. */
  private draw(frame: number): void {
    const context = this.map.getContext('2d');
    if (context === null) return;
    if (!this.root.isConnected) {
      this.drawLater(); // What is not part of the document has no colours.
      return;
    }
    const { keypoints, stage } = this.player;
    const { size, view } = stage;
    const quiet = colourOf(this.root, '--quiet');
    context.setTransform(2, 0, 0, 2, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    const rows = this.heat.length / COLUMNS;
    const [width, height] = [size.width / COLUMNS, size.height / rows];
    context.fillStyle = colourOf(this.root, '--heat');
    this.heat.forEach((warmth, cell) => {
      if (warmth < 0.01) return;
      context.globalAlpha = Math.sqrt(warmth);
      context.fillRect((cell % COLUMNS) * width, Math.floor(cell / COLUMNS) * height, width + 0.3, height + 0.3);
    });
    context.globalAlpha = FAINT;
    const style = { colours: { other: quiet }, thickness: { other: 1.5 }, pointSize: 2 };
    drawSkeleton(context, frameOf(keypoints.values, keypoints.layout, frame), skeletonOf(keypoints.layout, style), view);
    context.globalAlpha = 1;
  }
}

/** `from 0.21 to 0.64 across, from 0.30 to 0.92 down`. */
function boundsInWords({ x, y }: { readonly x: Float64Array; readonly y: Float64Array }): string {
  const [across, down] = [x, y].map((values) => values.filter((value) => !Number.isNaN(value)));
  if (across === undefined || down === undefined || across.length === 0) return 'found in no frame';
  const range = (values: Float64Array): string => `from ${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
  return `${range(across)} across, ${range(down)} down`;
}

function capitalised(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
