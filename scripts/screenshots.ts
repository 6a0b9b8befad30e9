import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { startChromium } from '../targets/browser/chromium.js';
import { escaped } from '../drive/html/escaped.js';
import { packageRoot } from '../targets/package-root.js';

/**
 * `npm run screenshots`: runs `npm start -- --ui --keep` and takes the pictures of the documentation from it, into
 * docs/images. Takes about three minutes.
 */
const images = join(packageRoot, 'docs', 'images');
const mostBytes = 150 * 1024;
const size = { width: 1000, height: 800 };

interface Started {
  /** All that it printed, as a terminal would show it at the end. */
  readonly text: () => string;
  readonly lineLike: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly stop: () => Promise<void>;
}

function startRun(report: string): Started {
  const args = ['--import', 'tsx', 'drive/main.ts', '--ui', '--keep', '--report', report];
  const child = spawn(process.execPath, args, { cwd: packageRoot, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const printed: string[] = [];
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (stream === child.stdout) printed.push(line);
      waiting.forEach((look) => look());
    });
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  return {
    text: () => printed.join('\n'),
    async lineLike(pattern) {
      const find = () => lines.map((line) => pattern.exec(line)).find((match) => match !== null);
      return new Promise((resolve, reject) => {
        const look = () => {
          const match = find();
          if (match === undefined) return;
          waiting.delete(look);
          resolve(match);
        };
        waiting.add(look);
        look();
        void ended.then(() =>
          reject(new Error(`the run ended before it said ${String(pattern)}:\n${lines.join('\n')}`)),
        );
      });
    },
    async stop() {
      child.kill('SIGINT');
      await ended;
    },
  };
}

async function take(page: Page, name: string, fullPage = true): Promise<void> {
  const path = join(images, `${name}.png`);
  await page.screenshot({ path, fullPage, animations: 'disabled', scale: 'css' });
  const { size: bytes } = await stat(path);
  if (bytes > mostBytes) throw new Error(`${name}.png has ${bytes} bytes, allowed are ${mostBytes}`);
  console.log(`docs/images/${name}.png ${bytes} bytes`);
}

/** Names and folders of the machine that the pictures are taken on are nobody's business. */
function withoutPlaces(text: string): string {
  return text.replaceAll(packageRoot, '.').replace(/(?:\/[\w.-]+){3,}/g, '/...');
}

async function terminal(browser: Browser, text: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 860, height: 400 } });
  const style = 'margin:0;padding:1.2rem;color:#e8ebef;font:14px/1.45 monospace;white-space:pre-wrap';
  await page.setContent(
    `<body style="margin:0;background:#14171b"><pre style="${style}">${escaped(text)}</pre>`,
  );
  await take(page, 'terminal');
  await page.close();
}

async function pages(browser: Browser, run: Started, report: string): Promise<void> {
  const [, live = ''] = await run.lineLike(/live: (http:\S+)/);
  const context = await browser.newContext({ viewport: size });
  const page = await context.newPage();
  await page.goto(live);
  // In the middle of the run, when something was killed and what it held is waited for.
  await page
    .getByText(/until what a killed function held comes back/)
    .first()
    .waitFor({ timeout: 300_000 });
  await take(page, 'live-run');
  await run.lineLike(/^kept: /);
  await page.getByText(/Everything stays until Ctrl-C/).waitFor();
  await page.getByRole('link', { name: /Webhooks/ }).click();
  await page.getByRole('link', { name: 'warehouse' }).click();
  await take(page, 'webhook-page', false);
  await page.goto(pathToFileURL(join(report, 'report.html')).href);
  await take(page, 'report', false);
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'screenshots-'));
  await mkdir(images, { recursive: true });
  const browser = await startChromium();
  const run = startRun(folder);
  try {
    await pages(browser, run, folder);
    const [report = ''] = run.text().split('\nkept: ');
    await terminal(browser, `$ npm start -- --ui\n${withoutPlaces(report)}`);
    if ((await readFile(join(folder, 'report.html'), 'utf8')).includes(packageRoot))
      throw new Error('the report names a folder of this machine');
  } finally {
    await run.stop();
    await browser.close();
    await rm(folder, { recursive: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
