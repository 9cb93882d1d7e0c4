import { describe, expect, it } from '@jest/globals';
import { widthOfLayout, type KeypointLayout } from '../../src/config/keypoint-layout';
import { KNOWN_LAYOUTS } from '../../src/config/known-layouts';
import type { Clip } from '../../src/data/clip';
import { TransformPipeline } from '../../src/data/transforms/pipeline';
import { elementAt, required } from '../../src/foundation/required';
import { clipValues } from '../support/clip-files';

const layouts = [...KNOWN_LAYOUTS.values()].map((layout) => [layout.name, layout] as const);
const deep = required(KNOWN_LAYOUTS.get('holistic75x3'), 'holistic75x3');

/** A clip of a layout, of which one point of each frame was not found. */
function clipOf(layout: KeypointLayout, frames = 4): Clip {
  const width = widthOfLayout(layout);
  const values = clipValues(frames, 3, width).map((value) => 0.1 + 0.8 * value);
  for (let frame = 0; frame < frames; frame++) values.fill(0, frame * width, frame * width + layout.dimensions);
  return { values, frames };
}

function changed(layout: KeypointLayout, clip: Clip, name: string, options: Readonly<Record<string, string | number>>): Clip {
  return TransformPipeline.of([{ name, ...options }], layout).apply(clip, 0, { seed: 5, epoch: 1 });
}

const depths = ({ values }: Clip): number[] => [...values].filter((_, place) => place % 3 === 2);

describe('key points of any layout', () => {
  it.each(layouts)('of %s are themselves when they are mirrored twice, and not when once', (_, layout) => {
    const clip = clipOf(layout);
    const once = changed(layout, clip, 'mirror', { p: 1 });
    const twice = changed(layout, once, 'mirror', { p: 1 });
    expect(once.values).not.toEqual(clip.values);
    twice.values.forEach((value, place) => {
      expect(value).toBeCloseTo(elementAt(clip.values, place), 5);
    });
  });

  it('have a depth that is neither turned, moved nor mirrored, and scaled as x and y are', () => {
    const clip = clipOf(deep);
    for (const [name, options] of [
      ['rotation', { degrees: 30 }],
      ['translation', { share: 0.2 }],
    ] as const) {
      const made = changed(deep, clip, name, { p: 1, ...options });
      expect(made.values).not.toEqual(clip.values);
      expect(depths(made)).toEqual(depths(clip));
    }
    const scaled = changed(deep, clip, 'scale', { p: 1, change: 0.5 });
    const spread = ({ values }: Clip, point: number): number => elementAt(values, 3 * point) - elementAt(values, 3 * (point + 1));
    const factor = spread(scaled, 20) / spread(clip, 20);
    expect(Math.abs(factor - 1)).toBeGreaterThan(0.01);
    expect(elementAt(scaled.values, 3 * 20 + 2) / elementAt(clip.values, 3 * 20 + 2)).toBeCloseTo(factor, 3);
  });

  it('are normalised by the shoulders, the depth by their distance too', () => {
    const clip = clipOf(deep, 1);
    const { values } = changed(deep, clip, 'normalize', { by: 'shoulders' });
    const at = (point: number): number[] => [...values.subarray(3 * point, 3 * point + 3)];
    const [[leftX = NaN, leftY = NaN], [rightX = NaN, rightY = NaN]] = [at(11), at(12)];
    expect(Math.hypot(leftX - rightX, leftY - rightY)).toBeCloseTo(1, 5);
    expect([leftX + rightX, leftY + rightY].map((sum) => Math.round(sum * 1e5) + 0)).toEqual([0, 0]);
    const distance = Math.hypot(
      elementAt(clip.values, 33) - elementAt(clip.values, 36),
      elementAt(clip.values, 34) - elementAt(clip.values, 37),
    );
    expect(elementAt(values, 3 * 40 + 2)).toBeCloseTo(elementAt(clip.values, 3 * 40 + 2) / distance, 4);
    expect(at(0)).toEqual([0, 0, 0]);
  });

  it('lose whole points, fingers and hands, with their depth', () => {
    const clip = clipOf(deep);
    for (const [name, options] of [
      ['keypoint_dropout', { share: 0.3 }],
      ['finger_dropout', { fingers: 2 }],
      ['hand_dropout', { share: 1 }],
    ] as const) {
      const { values } = changed(deep, clip, name, { p: 1, ...options });
      const lost = [...values.keys()].filter((place) => values[place] === 0 && clip.values[place] !== 0);
      expect(lost.length).toBeGreaterThan(0);
      expect(lost.length % 3).toBe(0);
      if (name !== 'keypoint_dropout') expect(lost.every((place) => (place % 225) / 3 >= 33)).toBe(true);
    }
  });
});
