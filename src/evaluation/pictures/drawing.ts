import { messageOf } from '../../foundation/errors';
import { elementAt } from '../../foundation/required';

/** Colours as `#rrggbb`. */
type Colour = string;

/** How pictures look: on a light page, or on a dark one. */
export interface Theme {
  readonly name: 'light' | 'dark';
  readonly background: Colour;
  /** What has no value: an empty cell of a matrix. */
  readonly empty: Colour;
  readonly text: Colour;
  readonly muted: Colour;
  readonly grid: Colour;
  /** Lines and bars that are to be told apart, also by people who do not see all colours (Okabe and Ito 2008). */
  readonly series: readonly [Colour, Colour, Colour, Colour];
  /** Where truth and prediction agree, and where they do not: blue and orange, which everybody tells apart. */
  readonly right: Colour;
  readonly wrong: Colour;
}

/** The look of the picture files: dark on white, opaque, so that they can be read on any page and on paper. */
export const lightTheme: Theme = {
  name: 'light',
  background: '#ffffff',
  empty: '#f4f6f8',
  text: '#1f2328',
  muted: '#59636e',
  grid: '#d8dee4',
  series: ['#0072b2', '#d55e00', '#009e73', '#aa4499'],
  right: '#00558c',
  wrong: '#c24e00',
};

/** The same in light on dark, for the report on a dark screen. */
export const darkTheme: Theme = {
  name: 'dark',
  background: '#161a20',
  empty: '#1f252d',
  text: '#e6edf3',
  muted: '#9da7b1',
  grid: '#333b45',
  series: ['#56b4e9', '#e69f00', '#2bbd91', '#cc79a7'],
  right: '#5cb8f0',
  wrong: '#f08a24',
};

/** The colour at a share of the way between two. */
export function between(from: Colour, to: Colour, share: number): Colour {
  const [start, end] = [channelsOf(from), channelsOf(to)];
  const mixed = start.map((value, place) => Math.round(value + (elementAt(end, place) - value) * share));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

function channelsOf(colour: Colour): [red: number, green: number, blue: number] {
  const channel = (place: number): number => parseInt(colour.slice(place, place + 2), 16);
  return [channel(1), channel(3), channel(5)];
}

/** Black or white, whichever is read better on a colour. */
export function readableOn(colour: Colour): Colour {
  const [red, green, blue] = channelsOf(colour);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? '#000000' : '#ffffff';
}

/** Whether the canvas has a build for this machine; where it has none, one line says so. */
export async function canDraw(onWarning: (warning: string) => void): Promise<boolean> {
  try {
    await import('@napi-rs/canvas');
    return true;
  } catch (error) {
    onWarning(`no pictures can be drawn on this machine (${messageOf(error)})`);
    return false;
  }
}

/**
 * Draws a picture, or says in one line which picture cannot be drawn and why: whatever is wrong with a picture, the figures are not lost for it.
 * @param name of the picture's file.
 * @returns undefined where it cannot be drawn.
 */
export function drawnOrTold(name: string, draw: () => Buffer, onWarning: (warning: string) => void): Buffer | undefined {
  try {
    return draw();
  } catch (error) {
    onWarning(`${name} cannot be drawn (${messageOf(error)}); figures and tables are as they should be`);
    return undefined;
  }
}
