import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceOf } from '../../drive/input/source.js';
import { collect } from './collect.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'input-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(...lines: string[]): Promise<string> {
  const file = join(folder, `${Math.random()}`);
  await writeFile(file, lines.join('\n'));
  return file;
}

async function read(input: string, onBadLine: 'skip' | 'fail' = 'fail', messages = Infinity) {
  const told: string[] = [];
  const source = await sourceOf({ input, onBadLine, messages }, (line) =>
    told.push(line.replace(input, 'FILE')),
  );
  const [payments, again] = [await collect(source.purchases()), await collect(source.purchases())];
  expect(again).toEqual(payments);
  expect(source.count).toBe(payments.length);
  return { payments, told };
}

const good = '{"id":"a-1","customer":"c1","purchasedOn":"2026-02-28","cents":29}';

test('JSON lines: cents or amount to the cent, one CD unless said, empty lines and other fields do not matter', async () => {
  const { payments, told } = await read(
    await fileOf(
      '\uFEFF' + good,
      '',
      '{"id":7,"customer":8,"purchasedOn":"2026-02-28","amount":0.29,"cds":3,"x":[]}\r',
      '{"id":"b","customer":"c","purchasedOn":"2024-02-29","cents":null,"amount":"1234567.8"}',
    ),
  );
  expect(told).toEqual([]);
  expect(payments).toEqual([
    { paymentId: 'a-1', customer: 'c1', purchasedOn: '2026-02-28', cds: 1, cents: 29 },
    { paymentId: '7', customer: '8', purchasedOn: '2026-02-28', cds: 3, cents: 29 },
    { paymentId: 'b', customer: 'c', purchasedOn: '2024-02-29', cds: 1, cents: 123_456_780 },
  ]);
});

test('CSV: by its header in any order, quoted fields', async () => {
  const { payments } = await read(
    await fileOf('amount,note,"id",purchasedOn,customer', '12.34,"a ""b"", c",x,2026-01-01,c1', ''),
  );
  expect(payments).toEqual([
    { paymentId: 'x', customer: 'c1', purchasedOn: '2026-01-01', cds: 1, cents: 1234 },
  ]);
});

test.each([
  ['{"id":"a"', 'no JSON'],
  ['[]', 'no JSON object'],
  ['{"customer":"c","purchasedOn":"2026-01-01","cents":1}', 'no id'],
  ['{"id":"a b","customer":"c","purchasedOn":"2026-01-01","cents":1}', "id 'a b' is not 1 to 255 visible"],
  ['{"id":"a","customer":"c/1","purchasedOn":"2026-01-01","cents":1}', "customer 'c/1' is not"],
  ['{"id":"a","customer":"c","purchasedOn":"2026-02-30","cents":1}', "purchasedOn '2026-02-30' is no date"],
  ['{"id":"a","customer":"c","purchasedOn":"2026-01-01"}', 'neither cents nor amount'],
  ['{"id":"a","customer":"c","purchasedOn":"2026-01-01","cents":1,"amount":1}', 'both cents and amount'],
  ['{"id":"a","customer":"c","purchasedOn":"2026-01-01","cents":1.5}', "cents '1.5' is no whole number"],
  [
    '{"id":"a","customer":"c","purchasedOn":"2026-01-01","amount":"1.005"}',
    "amount '1.005' is not an amount",
  ],
  ['{"id":"a","customer":"c","purchasedOn":"2026-01-01","cents":-1}', "cents '-1' is no whole number"],
  ['{"id":"a","customer":"c","purchasedOn":"2026-01-01","cents":1,"cds":0}', "cds '0' is no whole number"],
  ['{"id":"a-1","customer":"c","purchasedOn":"2026-01-01","cents":1}', "id 'a-1' is on line 1 already"],
])('a bad line is told with its number and reason: %s', async (line, reason) => {
  const file = await fileOf(good, line);
  const { payments, told } = await read(file, 'skip');
  expect(payments).toHaveLength(1);
  expect(told[0]).toContain(`FILE line 2: ${reason}`);
  expect(told[1]).toBe('FILE: 1 bad line skipped, 1 payments left');
  await expect(read(file)).rejects.toThrow(
    'is no payment and nothing was sent: correct it, or send the other 1 with --on-bad-line skip',
  );
});

test('CSV lines are told with the number they have in the file', async () => {
  const file = await fileOf(
    'id,customer,purchasedOn,cents',
    'a,c,2026-01-01',
    'b,"c,2026-01-01,1',
    'c,c,2026-01-01,1',
  );
  const { told } = await read(file, 'skip');
  expect(told.slice(0, 2)).toEqual([
    "FILE line 2: 3 fields instead of the header's 4",
    'FILE line 3: quotes do not match',
  ]);
});

test('reads only as many as asked for', async () => {
  const { payments } = await read(await fileOf(good, good.replace('a-1', 'a-2'), 'bad'), 'fail', 2);
  expect(payments.map(({ paymentId }) => paymentId)).toEqual(['a-1', 'a-2']);
});

test.each([
  [[''], 'has no payments'],
  [
    ['id,customer,when', 'a,c,2026-01-01'],
    "begins with 'id,customer,when', a header without purchasedOn, cents or amount",
  ],
  [['id;customer;purchasedOn;cents', 'a;c;2026-01-01;1'], 'with commas as in id,customer,purchasedOn,cents'],
  [[`[${good}]`], 'or one JSON object per line'],
])('a file that is none: %j', async (lines, problem) => {
  await expect(read(await fileOf(...lines), 'skip')).rejects.toThrow(problem);
});

test('a file that is not there, or a folder', async () => {
  await expect(read(join(folder, 'missing'))).rejects.toThrow(/cannot be read \(ENOENT.*give --input/);
  await expect(read(folder)).rejects.toThrow(/cannot be read \(EISDIR.*give --input/);
});
