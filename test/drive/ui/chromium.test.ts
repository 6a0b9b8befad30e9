import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeReport } from '../../../drive/html/write-report.js';
import type { LiveRun } from '../../../drive/ui/live-state.js';
import { startLiveServer, type LiveServer } from '../../../drive/ui/live-server.js';
import { inChromium, isTooWide, tabOrder, violations, visit } from '../../browser/visit.js';
import { liveRun, report } from './a-run.js';

inChromium('the page of a run in a real browser', (browser) => {
  let live: LiveRun;
  let server: LiveServer;
  beforeEach(async () => {
    live = liveRun();
    server = await startLiveServer(() => live.state());
  });
  afterEach(() => server.stop());

  test.each(['light', 'dark'])(
    'breaks no rule of WCAG A or AA that axe-core knows, before, during and after a run: %s',
    async (colorScheme) => {
      const shown = await visit(browser(), server.link, {
        colorScheme,
        viewport: { width: 400, height: 800 },
      });
      const { page } = shown;
      for (const change of [
        () => (live.paths = () => []),
        () => Object.assign(live, liveRun()),
        () => (live.report = report),
      ]) {
        change();
        await page.goto(server.url);
        expect(await violations(page)).toEqual([]);
        expect(await isTooWide(page)).toBe(false);
      }
      await page.goto(`${server.url}report`);
      expect(await violations(page)).toEqual([]);
      expect(await isTooWide(page)).toBe(false);
      expect(shown.complaints).toEqual([]);
      await page.context().close();
    },
  );

  test('shows new figures and the verdict by itself, and leaves the focus where it is', async () => {
    const { page, complaints } = await visit(browser(), server.link);
    expect(await tabOrder(page)).toEqual([
      'a Webhooks: endpoints, deliveries, replay',
      ...['div Figures', 'div Webhooks'],
    ]);
    const link = page.getByRole('link', { name: /Webhooks/ });
    await link.focus();
    live.phase = 'auditing <b>';
    await page.getByText('Now: auditing <b>.').waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toMatch(/^Webhooks/);
    live.report = report;
    await page.getByText('violated').waitFor();
    await page.getByText('2 customers were charged $3.00 too much').waitFor();
    await page.getByRole('link', { name: 'The report with plots' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('what a run says is text, and no script gets in past the policy', async () => {
    const { page, complaints } = await visit(browser(), server.link);
    live.through({ line() {}, now() {}, paths() {}, settle() {} }).line('<img src=x onerror=alert(1)>');
    await page.getByText('<img src=x onerror=alert(1)>').waitFor();
    expect(await page.locator('img').count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.evaluate(`(() => {
      const script = document.createElement('script');
      script.textContent = 'document.title = 2';
      document.body.append(script);
    })()`);
    expect(await page.title()).toBe('The run, live');
    expect(complaints.join()).toMatch(/Content Security Policy/i);
  });

  test('the report that is opened as a file breaks no rule and needs nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'report-'));
    try {
      const { page, complaints } = await visit(
        browser(),
        pathToFileURL(await writeReport(folder, report)).href,
      );
      expect(await violations(page)).toEqual([]);
      expect(await tabOrder(page)).toEqual(['div All figures']);
      expect(complaints).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
