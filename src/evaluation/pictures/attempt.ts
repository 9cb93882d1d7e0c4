import { messageOf } from '../../foundation/errors';

/** Whether the canvas has a build for this machine; where it has none, that is told in one line. */
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
 * Draws a picture, or tells in one line which picture cannot be drawn and why: whatever is wrong with a picture, the figures are not lost for it.
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
