import { NotAccepted } from '../../runtime/outbox/index.js';
import {
  postgresOutbox,
  postgresRelaySettings,
  scheduledRelay,
} from '../../runtime/postgres/outbox/index.js';
import { testPostgres } from '../fixtures/postgres.js';
import { OutboxDatabase, Sink, source } from './outbox-world.js';

const postgres = testPostgres();
const outbox = postgresOutbox({ source });
let db: OutboxDatabase;
let written: Record<string, unknown>[];
beforeEach(async () => {
  db = await OutboxDatabase.of(await postgres.database());
  written = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(JSON.parse(String(text)) as Record<string, unknown>);
    return true;
  });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await db.pool.end();
});

const publish = async (...accounts: string[]) => db.publish(outbox, ...accounts);
const clock = { getRemainingTimeInMillis: () => 20_000 };
const lines = (kind: string) => written.filter(({ exactlyOnce }) => exactlyOnce === kind);

test('a run sends what waits, in order, and tells first how the outbox stood', async () => {
  await publish('a', 'b', 'a');
  const sink = new Sink();
  const handler = scheduledRelay({ pool: db.pool, targets: [sink], outboxName: 'payments' });
  expect(await handler({}, clock)).toEqual({ sent: 3 });
  expect(sink.versionsOf('a')).toEqual([1, 2]);
  expect(await handler({}, clock)).toEqual({ sent: 0 });

  const [before, after] = lines('outbox');
  expect(before).toMatchObject({ outbox: 'payments', stuckStreams: 0 });
  expect(before?.['oldestUnsent']).toBeGreaterThan(0);
  expect(after).toMatchObject({ oldestUnsent: 0 });
  expect(written.indexOf(before ?? {})).toBe(0);
  expect(JSON.stringify(before?.['_aws'])).toContain('"Namespace":"ExactlyOnce/Outbox"');
});

test('a refusal has a line without the name of its aggregate, and is counted; the others are sent', async () => {
  await publish('secret-name', 'b');
  const sink = new Sink();
  sink.refuses = ({ group }) =>
    group.includes('secret-name') ? new NotAccepted('sink', 'refused', 'no') : undefined;
  const handler = scheduledRelay({ pool: db.pool, targets: [sink], outboxName: 'payments' });
  expect(await handler({}, clock)).toEqual({ sent: 1 });
  expect(lines('problem')).toMatchObject([{ outbox: 'payments', version: '1', error: 'NotAccepted' }]);
  expect(JSON.stringify(written)).not.toContain('secret-name');
  await handler({}, clock);
  expect(lines('outbox').at(-1)).toMatchObject({ stuckStreams: 1 });
});

test('a database without the tables fails the run, and says what is to be done', async () => {
  const handler = scheduledRelay({ pool: db.pool, targets: [new Sink()], outboxName: 'payments' });
  await db.query('DROP SCHEMA exactly_once CASCADE');
  await expect(handler({}, clock)).rejects.toMatchObject({ name: 'SchemaNotReady' });
});

test('every setting that is missing or wrong is named', () => {
  expect(() => postgresRelaySettings({ EXACTLY_ONCE_OUTBOX_RETENTION_DAYS: '0.5' })).toThrow(
    /EXACTLY_ONCE_OUTBOX_NAME[\s\S]*EXACTLY_ONCE_OUTBOX_TARGETS[\s\S]*EXACTLY_ONCE_OUTBOX_RETENTION_DAYS/,
  );
  const settings = postgresRelaySettings({
    EXACTLY_ONCE_OUTBOX_NAME: 'payments',
    EXACTLY_ONCE_OUTBOX_RETENTION_DAYS: '7',
    EXACTLY_ONCE_OUTBOX_TARGETS: '[{"queueUrl":"http://localhost/q","types":["Moved"]}]',
  });
  expect(settings).toMatchObject({ outboxName: 'payments', retentionDays: 7 });
  expect(settings.targets).toMatchObject([{ types: ['Moved'] }]);
});
