import type { ClipView } from '../shared/api';
import { element, percent } from '../shared/elements';
import { gapsOf, pathLength, shoulderWidth, trackOf } from '../shared/movement';
import type { Player } from '../shared/player';

type Row = readonly [name: string, value: string];

/** What is in a clip's file, and how its parts move. @param player of its key points; undefined where it has none. */
export function facts(view: ClipView, player: Player | undefined): HTMLElement {
  const rows: Row[] = [
    ['Frames', `${view.frames}`],
    ['Length', `${view.seconds.toFixed(2)} s`],
    ...rate(view),
    ...view.parts.map((part, place): Row => [
      part.part.replaceAll('_', ' '),
      [presence(part), ...movement(view, player, place)].join('; '),
    ]),
    ...view.arrays.map(({ name, type, shape }): Row => [name, `${type} [${shape.join(', ')}]`]),
  ];
  const said = Object.entries(view.meta).map(([key, value]): Row => [key, typeof value === 'string' ? value : JSON.stringify(value)]);
  return element(
    'div',
    { class: 'card facts' },
    element('details', { open: true }, element('summary', {}, 'What is in the clip'), definitions(rows)),
    ...(said.length === 0 ? [] : [element('details', {}, element('summary', {}, 'What its meta says'), definitions(said))]),
  );
}

/** Frames a second; where frames were dropped, the longest time between two. */
function rate({ framesPerSecond, player, frames }: ClipView): Row[] {
  if (framesPerSecond === undefined) return [];
  const times = player?.timestamps_ms ?? [];
  const longest = times.reduce((most, time, frame) => Math.max(most, time - (times[frame - 1] ?? time)), 0);
  const isUneven = longest > (1.75 * 1000) / framesPerSecond && frames > 2;
  return [['Frame rate', `${framesPerSecond.toFixed(1)} frames a second${isUneven ? `; up to ${longest.toFixed(0)} ms between two` : ''}`]];
}

function presence({ missing, masked }: ClipView['parts'][number]): string {
  return `${percent(missing)} missing${masked > 0 ? `, ${percent(masked)} filled in though not seen` : ''}`;
}

/** In how many frames a part is gone, and how far and fast its middle moves. */
function movement({ frames, seconds }: ClipView, player: Player | undefined, place: number): string[] {
  const part = player?.keypoints.layout.parts[place];
  if (player === undefined || part === undefined) return [];
  const { keypoints, stage } = player;
  const track = trackOf(
    keypoints,
    Array.from({ length: part.count }, (_, point) => part.first + point),
  );
  const gone = gapsOf(track);
  const measure = shoulderWidth(keypoints, stage.aspect);
  const way = pathLength(track, stage.aspect) / (measure ?? 1);
  const unit = measure === undefined ? 'picture heights' : 'shoulder widths';
  return [
    ...(gone.frames === 0 ? [] : [`gone in ${gone.frames} of ${frames} frames${gone.longest > 1 ? `, ${gone.longest} in a row` : ''}`]),
    ...(way === 0 || seconds === 0 ? [] : [`moves ${way.toFixed(1)} ${unit}, ${(way / seconds).toFixed(1)} a second`]),
  ];
}

function definitions(rows: readonly Row[]): HTMLElement {
  return element('dl', {}, ...rows.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))));
}
