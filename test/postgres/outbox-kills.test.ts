import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OwnProcess } from '../fixtures/own-process.js';
import { testPostgres } from '../fixtures/postgres.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { KilledRelays } from './outbox-killed.js';
import { audit, Load } from './outbox-load.js';
import { OutboxDatabase, until } from './outbox-world.js';

const kills = Number(process.env.RELAY_KILLS ?? 8);
const postgres = testPostgres();
let worker: OwnProcess;
const folder = mkdtempSync(join(tmpdir(), 'exactly-once-journal-'));
beforeAll(async () => {
  worker = await OwnProcess.of(join(__dirname, 'outbox-worker.ts'));
});
afterAll(async () => {
  await worker.remove();
  await rm(folder, { recursive: true });
});

function drawFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test.each([
  { relay: 'polling' as const, at: 'two at once' },
  { relay: 'cdc' as const, at: 'one and one that stands by, whose slot is dropped, too' },
])(
  'relays that are killed again and again under load, $relay, $at: nothing lost, nothing doubled, every aggregate in order',
  async ({ relay }) => {
    const db = await OutboxDatabase.of(await postgres.database());
    await db.query('UPDATE exactly_once.outbox_control SET polled = $1', [relay === 'polling']);
    const journal = join(folder, `${relay}.jsonl`);
    writeFileSync(journal, '');
    const slot = `killed_${relay}`;
    const random = drawFrom(7);
    const load = new Load(db, random);
    const relays = new KilledRelays(worker, { url: db.url, relay, slot, journal }, kills, random);
    const kept = Promise.all([relays.keep(), relays.keep()]);
    let drops = 0;
    try {
      const [one, two] = [await load.long('long-1'), await load.long('long-2')];
      // A new slot waits for transactions that are open: the long ones are of the first half.
      let open = true;
      const loading = (async () => {
        for (let i = 0; relays.deaths < kills || i < 100; i += 1) {
          await Promise.all([load.one(), load.one(), load.one()]);
          if (open) await Promise.all([one.publish(), two.publish()]);
          if (i === 20) await load.copy();
          if (i === 40) {
            await Promise.all([two.commit(), one.commit()]);
            open = false;
          }
          if (relay === 'cdc' && !open && drops === 0 && relays.deaths > kills / 2) {
            await db.dropSlot(slot);
            drops += 1;
          }
          // A relay takes a second to start.
          await new Promise((resolve) => setTimeout(resolve, i < 100 ? 20 : 100));
        }
      })();
      await Promise.race([loading, kept]);
      await until(() => audit(journal, load).lost === 0, 60).catch(() => undefined);
    } finally {
      relays.stop();
      await kept.catch(() => undefined);
    }
    const figures = audit(journal, load);
    const resends = (relays.said.match(/resend [a-z-]+/g) ?? []).length;
    reportFigures(`postgres outbox, ${relay}`, {
      ...{ ...figures, kills: relays.deaths, at: Object.fromEntries(relays.killed), drops, resends },
      server: await db.value('SHOW server_version'),
    });
    expect(figures).toMatchObject({ lost: 0, wrong: 0, outOfOrder: 0 });
    expect(figures.acted).toBe(load.committed.size);
    expect(load.rolledBack.size).toBeGreaterThan(0);
    expect(relays.deaths).toBeGreaterThanOrEqual(kills);
    for (const hits of relays.killed.values()) expect(hits).toBeGreaterThanOrEqual(Math.floor(kills / 5));
    if (relay === 'cdc') expect([drops, resends >= 2]).toEqual([1, true]);
    await db.pool.end();
  },
  60_000 + kills * 10_000,
);
