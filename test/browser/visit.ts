import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { chromiumMissing, chromiumPath, startChromium } from '../../targets/browser/chromium.js';

/** Of axe-core: what WCAG 2.0 to 2.2 ask for at A and AA. */
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** A page in a browser, and all that the browser complained of. */
export interface Visit {
  readonly page: Page;
  /** Errors of scripts, refusals of the policy, requests that failed. */
  readonly complaints: string[];
}

/** One browser for a file of tests. Without a Chromium they are skipped, by name and with the reason. */
export function inChromium(name: string, tests: (browser: () => Browser) => void): void {
  if (chromiumPath() === undefined) {
    test.skip(`${name}: ${chromiumMissing}`, () => undefined);
    return;
  }
  let browser: Browser | undefined;
  beforeAll(async () => void (browser = await startChromium()));
  afterAll(() => browser?.close());
  const started = () => {
    if (browser === undefined) throw new TypeError('the browser is not started yet');
    return browser;
  };
  describe(name, () => tests(started));
}

export async function visit(browser: Browser, url: string, options: object = {}): Promise<Visit> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on('console', (said) => {
    if (said.type() === 'error' || said.type() === 'warning') complaints.push(said.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  return { page, complaints };
}

/** What axe-core finds against WCAG A and AA, as `rule: element`. It is let in past the page's own policy. */
export async function violations(page: Page): Promise<string[]> {
  const client = await page.context().newCDPSession(page);
  const evaluate = async (expression: string): Promise<string> => {
    const { result, exceptionDetails } = await client.send('Runtime.evaluate', {
      ...{ expression, awaitPromise: true, returnByValue: true },
    });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text);
    return String(result.value);
  };
  await evaluate(axe);
  const found = await evaluate(
    `axe.run({ runOnly: ${JSON.stringify(rules)} }).then((r) => JSON.stringify({ passes: r.passes.length,
      found: r.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)) }))`,
  );
  const result = JSON.parse(found) as { passes: number; found: string[] };
  // A run that looked at nothing has found nothing (R42).
  expect(result.passes).toBeGreaterThan(5);
  return result.found;
}

/** What the Tab key reaches, in its order, as `tag text`, each with its focus to be seen. */
export async function tabOrder(page: Page): Promise<string[]> {
  const reached: string[] = [];
  await page.evaluate('document.activeElement?.blur()');
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate<{ text: string; seen: boolean } | undefined>(`(() => {
      const at = document.activeElement;
      if (at === document.body || at === null) return undefined;
      const heading = document.getElementById(at.getAttribute('aria-labelledby') ?? '');
      const name =
        heading?.textContent ?? at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ?? at.textContent;
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      const seen = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
      return { text: (at.localName + ' ' + name.trim()).slice(0, 60), seen };
    })()`);
    if (at === undefined) return reached;
    if (!at.seen) throw new Error(`the focus on '${at.text}' is not to be seen`);
    reached.push(at.text);
  }
  return reached;
}

/** Whether the page as a whole scrolls sideways. */
export async function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate<boolean>(
    'document.documentElement.scrollWidth > document.documentElement.clientWidth',
  );
}
