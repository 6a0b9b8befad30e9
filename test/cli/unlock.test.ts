import { randomUUID } from 'node:crypto';
import type { Table } from '../../runtime/dynamodb/index.js';
import { leases, type Once } from '../../runtime/lease/index.js';
import { dynamo, newDedupTable } from '../fixtures/dynamo.js';
import { run } from './command.js';

const client = dynamo();
let table: Table;
let key: string;
let acts: number;

beforeAll(async () => {
  table = await newDedupTable(client);
});
afterAll(() => client.destroy());
beforeEach(() => {
  key = randomUUID();
  acts = 0;
});

const once: Once = (name, effect) =>
  leases({ observe: () => undefined })({
    client,
    tableName: table.name,
    retentionSeconds: 3600,
    consumerName: 'mailer',
  })(key, () => 5_000)(name, effect);

/** An effect that acts, and says that it does not know. */
async function mail(fails: boolean): Promise<unknown> {
  return once('mail', {
    args: null,
    onUnknown: 'block',
    run: () => {
      acts += 1;
      if (fails) throw new Error('timeout');
      return 'sent';
    },
  }).catch((error: unknown) => (error as Error).name);
}
const command = (name: string, ...args: string[]) =>
  run(name, '--consumer', 'mailer', '--dedup-table', table.name, '--receipt-retention', '1h', ...args);

test('an effect is listed until somebody says what became of it', async () => {
  expect(await mail(true)).toBe('EffectBlocked');
  const listed = await command('blocked');
  expect(listed).toMatchObject({ status: 1, stdout: expect.stringContaining('Error: timeout') });
  expect(listed.stdout).toContain(key);

  const said = [
    '--effect',
    'mail',
    '--as',
    'done',
    '--result',
    '"seen in the outbox"',
    '--reason',
    'ada looked',
  ];
  expect(await command('unlock', key, ...said, '--dry-run')).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^would be: /),
  });
  expect(await mail(true)).toBe('EffectBlocked');
  expect(await command('unlock', key, ...said)).toMatchObject({
    status: 0,
    stdout: `'${key}' of 'mailer' is done; it was unknown: Error: timeout\n`,
  });
  expect(await mail(false)).toBe('seen in the outbox');
  expect(acts).toBe(1);
  expect((await command('blocked')).stdout).not.toContain(key);
});

test.each([
  ['a big number', '{"id":18446744073709551617,"n":1.5}', { id: 18446744073709551617n, n: 1.5 }],
  ['a time', '{"at":{"$date":5}}', { at: new Date(5) }],
])('%s that is given as the result is what the handler gets', async (_, result, given) => {
  await mail(true);
  const said = ['--effect', 'mail', '--as', 'done', '--reason', 'x', '--json', '--result', result];
  expect(await command('unlock', key, ...said)).toMatchObject({ status: 0 });
  expect(await mail(false)).toEqual(given);
});

test('not done: it is made when its message comes again', async () => {
  await mail(true);
  const row = `mailer!once#mail#${key}`;
  const said = ['--row', '--as', 'not-done', '--reason', 'the provider never saw it', '--json'];
  const { status, stdout } = await command('unlock', row, ...said);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ id: row, outcome: { kind: 'not-done' }, was: 'UNKNOWN' });
  expect(await mail(false)).toBe('sent');
});

test.each([
  ['an effect that nobody knows', ['--effect', 'fax', '--as', 'done'], 'has no such row'],
  ['no effect', ['--as', 'done'], 'give --effect'],
  ['another word', ['--effect', 'mail', '--as', 'maybe'], "--as is 'maybe'"],
  ['a result of nothing', ['--effect', 'mail', '--as', 'not-done', '--result', '1'], 'goes with --as done'],
  ['text that is no JSON', ['--effect', 'mail', '--as', 'done', '--result', 'abc'], 'is not JSON'],
])('refuses %s', async (_, args, message) => {
  await expect(command('unlock', key, '--reason', 'x', ...args)).resolves.toMatchObject({
    status: 2,
    stderr: expect.stringContaining(message),
  });
});
