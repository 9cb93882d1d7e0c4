import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The version of Kumpas, as package.json says it. */
export const { version } = createRequire(__filename)('../../package.json') as { readonly version: string };

/** Whether this is a checkout of Kumpas; else it is a package of another project. */
const IS_CHECKOUT = existsSync(path.resolve(__dirname, '../../package-lock.json'));

/**
 * A text with its commands as the user types them: `npm run train -- --resume` in a checkout, as the source spells them, and `npx kumpas train --resume` where
 * Kumpas is installed as a package of another project.
 */
export function asTyped(text: string, inCheckout: boolean = IS_CHECKOUT): string {
  return inCheckout ? text : text.replaceAll(/\bnpm run (?:--silent )?([a-z]+(?:-[a-z]+)*\b)(?: --(?![\w-]))?/g, 'npx kumpas $1');
}

/** The program of Kumpas's commands and its first arguments, as another process starts it, whatever folder it works in: a command's name follows. */
export function kumpasProgram(): readonly string[] {
  return [process.execPath, ...(IS_CHECKOUT ? ['--conditions=kumpas-source'] : []), path.resolve(__dirname, '../../scripts/run.js')];
}
