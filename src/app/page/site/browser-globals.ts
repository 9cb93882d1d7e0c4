/** What the code that Kumpas runs in Node and here alike expects to find; imported first. */
import { Buffer } from 'buffer/'; // The package: without the slash it would be Node's own.
import { config } from 'zod';

Object.assign(globalThis, { Buffer });
// Else zod tries whether it may compile checks from text, which the page's content security policy forbids, and the browser complains.
config({ jitless: true });
