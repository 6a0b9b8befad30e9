import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { servePage } from '../../../lambdas/webhook/serve-page.js';
import { fixedSecrets } from '../../../runtime/webhook/index.js';
import { webhookPage, webhookPageLink } from '../../../runtime/webhook/page/index.js';
import { inChromium, isTooWide, tabOrder, violations, visit, type Visit } from '../../browser/visit.js';
import { SenderWorld, tenant } from '../sender/world.js';

const secret = 'a'.repeat(32);
const payload = `"><script>alert(1)</script><img src=x onerror=alert(2)>`;
const type = "<img src=x onerror=alert('type')>";
const path = `/down?${encodeURIComponent('<img src=x onerror="alert(3)">')}`;
let world: SenderWorld;
let server: Server;
let endpointId: string;
let webhookId: string;
let url: string;
let shown: Visit;
let page: Page;

inChromium('the webhook page in a real browser', (browser) => {
  beforeAll(async () => {
    world = await SenderWorld.open();
    world.server.behaviours.set(path, (_, response) => response.writeHead(500).end(payload));
    endpointId = await world.endpoint(path, { schedule: [0] });
    webhookId = (await world.take(world.event(type)))[0]!;
    await world.send();
    const handler = webhookPage({
      ...{ ...world.common, settings: world.settings, secrets: fixedSecrets(secret) },
      home: { text: 'Shop', url: 'https://shop.example' },
    });
    server = createServer(servePage(handler));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    shown = await visit(browser(), webhookPageLink({ url, tenant, secret, now: () => world.clock }));
    page = shown.page;
    await page.waitForURL(`${url}/`);
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await world.close();
  });
  afterEach(() => expect(shown.complaints).toEqual([]));

  const endpointUrl = () => `${url}/endpoints/${endpointId}`;
  const deliveryUrl = () => `${endpointUrl()}/deliveries/${webhookId}`;
  const views = () => [`${url}/`, endpointUrl(), `${endpointUrl()}?did=tested&state=held`, deliveryUrl()];

  test.each(['light', 'dark'] as const)(
    'no view breaks a rule of WCAG A or AA that axe-core knows, nor is wider than a phone: %s',
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 400, height: 800 });
      for (const view of views()) {
        await page.goto(view);
        expect(await violations(page)).toEqual([]);
        expect(await isTooWide(page)).toBe(false);
      }
      // The browser says so of pages that are not there, and it is right.
      await page.goto(`${url}/endpoints/none`);
      expect(await violations(page)).toEqual([]);
      shown.complaints.splice(0).forEach((text) => expect(text).toContain('404'));
    },
  );

  test('by keyboard alone: an endpoint is found, sent a test, and a delivery is sent again', async () => {
    await page.goto(`${url}/`);
    expect(await tabOrder(page)).toEqual([
      ...['a Shop', 'a All endpoints', 'div Endpoints', `a ${endpointId}`],
    ]);
    await page.getByRole('link', { name: endpointId }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(endpointUrl());
    const order = await tabOrder(page);
    for (const [before, after] of [
      ['button Disable', 'button Send a test'],
      ['button Send a test', 'input Failed since (day, UTC)'],
      ['button Send failed ones again', 'select State'],
      ['button Show', 'div Deliveries, newest first'],
    ] as const) {
      expect(order).toContain(before);
      expect(order.lastIndexOf(after)).toBeGreaterThan(order.indexOf(before));
    }
    await press('Send a test');
    expect(await page.getByRole('status').textContent()).toBe('A test is sent.');
    await page.goto(deliveryUrl());
    await press('Send again');
    expect(await page.getByRole('status').textContent()).toBe('The delivery is sent again.');
    expect((await world.registry.delivery(tenant, endpointId, webhookId)).replays).toBe(1);
    await world.send();
  });

  async function press(button: string): Promise<void> {
    await page.getByRole('button', { name: button, exact: true }).focus();
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
    expect(page.url()).toContain('did=');
  }

  test('an endpoint is disabled and enabled by keyboard', async () => {
    await page.goto(endpointUrl());
    await press('Disable');
    expect((await world.registry.get(tenant, endpointId)).disabled).toBe('operator');
    await press('Enable');
    expect((await world.registry.get(tenant, endpointId)).disabled).toBeUndefined();
  });

  test('what others wrote into an address, a type or an answer is text', async () => {
    for (const view of views()) {
      await page.goto(view);
      expect(await page.locator('script, img, [onerror]').count()).toBe(0);
    }
    await page.goto(deliveryUrl());
    expect(await page.locator('pre').first().textContent()).toBe(payload);
    await page.goto(endpointUrl());
    expect(await page.getByRole('cell', { name: type, exact: true }).count()).toBeGreaterThan(0);
  });

  test('the policy refuses what would get in all the same', async () => {
    await page.goto(endpointUrl());
    await page.evaluate(`(() => {
      const added = document.createElement('div');
      added.innerHTML = '<img src=x onerror="document.title = 1">';
      document.body.append(added);
      const script = document.createElement('script');
      script.textContent = 'document.title = 2';
      document.body.append(script);
    })()`);
    expect(await page.title()).toBe(`Endpoint ${endpointId}`);
    const refused = shown.complaints.splice(0);
    expect(refused.length).toBeGreaterThan(0);
    for (const text of refused) expect(text).toMatch(/Content Security Policy/i);
  });
});
