import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';
import { LocalTargetError } from '../local-target-error.js';

/** Where packages of systems put it. */
const usual = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** What to do where it is not found. */
export const chromiumMissing =
  'no Chromium was found: install one (Debian: apt-get install chromium), or set CHROMIUM_PATH';

/** @returns the program, by CHROMIUM_PATH or in the usual places; undefined when there is none. */
export function chromiumPath(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const { CHROMIUM_PATH: given } = environment;
  return [...(given === undefined || given === '' ? usual : [given])].find((path) => existsSync(path));
}

/** Chromium without a window. @throws LocalTargetError when there is none. */
export async function startChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new LocalTargetError(chromiumMissing);
  // Its sandbox needs rights that root and containers do not have; it opens pages of this repository alone.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
