import { IS_CHECKOUT } from '../engine/provision/locations';

/**
 * A text with its commands as the user types them: `npm run train -- --resume` in a checkout, as the source spells them, and `npx kumpas train --resume` where
 * Kumpas is installed as a package of another project.
 */
export function asTyped(text: string, inCheckout: boolean = IS_CHECKOUT): string {
  return inCheckout ? text : text.replaceAll(/\bnpm run (?:--silent )?([a-z]+(?:-[a-z]+)*\b)(?: --(?![\w-]))?/g, 'npx kumpas $1');
}
