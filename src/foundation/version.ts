import { createRequire } from 'node:module';

/** The version of Kumpas, as package.json says it. */
export const { version } = createRequire(__filename)('../../package.json') as { readonly version: string };
