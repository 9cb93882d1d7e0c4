import { describe, expect, it } from '@jest/globals';
import { widthOfLayout } from '../../src/config/keypoint-layout';
import { HOLISTIC_78, KNOWN_LAYOUTS } from '../../src/config/known-layouts';
import { descriptionOf, layoutDescribed } from '../../src/config/layout-description';
import { UserError } from '../../src/foundation/errors';
import { elementAt, required } from '../../src/foundation/required';

const known = [...KNOWN_LAYOUTS.values()];

/** A skeleton of somebody's own, with changes. */
function ownLayout(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    name: 'stick figure',
    dimensions: 2,
    parts: [
      { name: 'body', points: ['head', 'left_shoulder', 'right_shoulder'] },
      { name: 'arms', points: ['left_wrist', 'right_wrist'] },
    ],
    mirror: [
      ['left_shoulder', 'right_shoulder'],
      ['right_wrist', 'left_wrist'],
    ],
    bones: [['left_wrist', 'left_shoulder', 'right_shoulder', 'right_wrist']],
    ...changes,
  };
}

describe('the known layouts', () => {
  it.each([
    ['holistic78', 156],
    ['holistic75', 150],
    ['holistic75x3', 225],
    ['holistic543', 1086],
    ['holistic543x3', 1629],
    ['hands42', 84],
    ['hands42x3', 126],
    ['openpose25', 50],
    ['openpose137', 274],
  ])('%s has %i numbers a frame', (name, width) => {
    expect(widthOfLayout(required(KNOWN_LAYOUTS.get(name), name))).toBe(width);
  });

  it.each(known.map((layout) => [layout.name, layout] as const))(
    '%s: a mirror of the mirror is itself, and every point is in one part',
    (_, { points, parts, mirror, bones }) => {
      expect(mirror.map((other) => mirror[other])).toEqual(points.map((_point, place) => place));
      expect(new Set(points).size).toBe(points.length);
      let next = 0;
      for (const { first, count } of parts) {
        expect(first).toBe(next);
        next = first + count;
      }
      expect(next).toBe(points.length);
      expect(bones.flat().every((point) => point >= 0 && point < points.length)).toBe(true);
    },
  );

  it.each([
    ['holistic543', 'face_33', 'face_263'],
    ['holistic543', 'face_61', 'face_291'],
    ['holistic543', 'face_105', 'face_334'],
    ['holistic543', 'face_247', 'face_467'],
    ['holistic543', 'face_4', 'face_4'],
    ['holistic543', 'pose_31', 'pose_32'],
    ['holistic75', 'left_hand_8', 'right_hand_8'],
    ['holistic75', 'pose_1', 'pose_4'],
    ['holistic78', 'face_133', 'face_362'],
    ['openpose137', 'left_wrist', 'right_wrist'],
    ['openpose137', 'neck', 'neck'],
    ['openpose137', 'face_36', 'face_45'],
    ['openpose137', 'face_41', 'face_46'],
  ])('of %s, the mirror image of %s is %s', (name, point, image) => {
    const { points, mirror } = required(KNOWN_LAYOUTS.get(name), name);
    expect(points[elementAt(mirror, points.indexOf(point))]).toBe(image);
    expect(points[elementAt(mirror, points.indexOf(image))]).toBe(point);
  });

  it('a mirrored bone of the face is a bone', () => {
    const { mirror, bones } = required(KNOWN_LAYOUTS.get('holistic543'), 'holistic543');
    const ends = (one: number, other: number): string => (one < other ? `${one}-${other}` : `${other}-${one}`);
    const pairs = bones.flatMap((chain) => chain.slice(1).map((point, place) => [elementAt(chain, place), point] as const));
    const there = new Set(pairs.map(([one, other]) => ends(one, other)));
    const missing = pairs.filter(([one, other]) => !there.has(ends(elementAt(mirror, one), elementAt(mirror, other))));
    expect(missing).toEqual([]);
  });
});

describe('a layout as JSON', () => {
  it('is a name for a known one, and everything for another', () => {
    expect(layoutDescribed({ layout: 'holistic75x3' }, 'x.json')).toBe(KNOWN_LAYOUTS.get('holistic75x3'));
    expect(descriptionOf(HOLISTIC_78)).toEqual({ layout: 'holistic78' });
    const own = layoutDescribed(ownLayout(), 'x.json');
    expect(own).toMatchObject({
      name: 'stick figure',
      points: ['head', 'left_shoulder', 'right_shoulder', 'left_wrist', 'right_wrist'],
      parts: [
        { name: 'body', first: 0, count: 3 },
        { name: 'arms', first: 3, count: 2 },
      ],
      mirror: [0, 2, 1, 4, 3],
      bones: [[3, 1, 2, 4]],
    });
    expect(layoutDescribed(JSON.parse(JSON.stringify(descriptionOf(own))), 'x.json')).toEqual(own);
  });

  it('may leave mirror and bones out', () => {
    const { mirror, bones } = layoutDescribed({ name: 'a', dimensions: 3, parts: [{ name: 'b', points: ['c', 'd'] }] }, 'x.json');
    expect([mirror, bones]).toEqual([[0, 1], []]);
  });

  const parts = (points: readonly unknown[]): Record<string, unknown> => ({ parts: [{ name: 'body', points }], mirror: [], bones: [] });
  it.each<[string, unknown, RegExp]>([
    ['a list', [], /^x\.json: .*expected.*docs\/data\.md/],
    [
      'an unknown name',
      { layout: 'holistic76' },
      /^x\.json: layout: "holistic76" is not known; is holistic7\d meant\? Known are holistic78, /,
    ],
    ['a hostile name', { layout: '\u001b[2J'.repeat(10_000) }, /^x\.json: layout: "\P{Cc}{1,200}…" is not known\. Known are/u],
    ['more keys beside a name', { layout: 'hands42', dimensions: 3 }, /dimensions/],
    ['four dimensions', ownLayout({ dimensions: 4 }), /^x\.json: dimensions: expected 2 \(x, y\) or 3/],
    ['no parts', ownLayout({ parts: [] }), /^x\.json: parts: /],
    ['a part without points', ownLayout(parts([])), /^x\.json: parts\.0\.points: /],
    ['a number for a name', ownLayout(parts([7])), /^x\.json: parts\.0\.points\.0: /],
    ['a name that steers a terminal', ownLayout(parts(['\u001b[2J'])), /parts\.0\.points\.0: expected a name of up to 64/],
    ['a name of a prototype', ownLayout(parts(['__proto__'])), /parts\.0\.points\.0: expected a name/],
    ['a point twice', ownLayout(parts(['a', 'b', 'a'])), /^x\.json: parts: the point "a" is there twice/],
    ['too many points', ownLayout(parts(Array.from({ length: 2001 }, (_, place) => `p${place}`))), /parts\.0\.points: /],
    ['too many points in all', ownLayout({ ...parts([]), parts: manyParts() }), /parts: they have 4000 points, at most 2000 are read/],
    ['two parts of a name', ownLayout({ parts: [part('a', 'b'), part('a', 'c')], mirror: [], bones: [] }), /two of them are called "a"/],
    ['a pair of three', ownLayout({ mirror: [['head', 'left_wrist', 'right_wrist']] }), /^x\.json: mirror\.0: expected two points/],
    [
      'a pair of an unknown point',
      ownLayout({ mirror: [['left_wrst', 'right_wrist']] }),
      /mirror: "left_wrst" is none.*"left_wrist" meant\?/,
    ],
    ['a point mirrored to itself', ownLayout({ mirror: [['head', 'head']] }), /mirror: "head" is its own mirror image/],
    [
      'a point with two mirror images',
      ownLayout({ mirror: [['head', 'left_wrist'], ['right_wrist', 'head']] }), // prettier-ignore
      /mirror: "head" is in two pairs/,
    ],
    ['a bone to nowhere', ownLayout({ bones: [['head', 'tail']] }), /bones: "tail" is none of the points/],
    ['a bone of one point', ownLayout({ bones: [['head']] }), /^x\.json: bones\.0: /],
    [
      'bones without end',
      ownLayout({ bones: Array.from({ length: 1500 }, () => Array.from({ length: 20 }, () => 'head')) }),
      /bones: they have 30000 points/,
    ],
    ['a known name for other points', ownLayout({ name: 'holistic75' }), /name: there is a known layout holistic75/],
    ['an unknown key', ownLayout({ colour: 'red' }), /^x\.json: .*colour/],
  ])('is refused with %s, in a line', (_, value, said) => {
    const read = (): unknown => layoutDescribed(value, 'x.json');
    expect(read).toThrow(UserError);
    expect(read).toThrow(said);
    expect(read).toThrow(/^\P{Cc}*$/u);
  });
});

function part(name: string, ...points: readonly string[]): object {
  return { name, points };
}

function manyParts(): object[] {
  return Array.from({ length: 4 }, (_, place) =>
    part(`part ${place}`, ...Array.from({ length: 1000 }, (__, point) => `p${place} ${point}`)),
  );
}
