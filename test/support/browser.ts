import { existsSync } from 'node:fs';

/** Chromium of this machine, where one is installed: Debian's, Chrome's, or that of macOS. */
export const chromium: string | undefined = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
].find((file) => existsSync(file));
