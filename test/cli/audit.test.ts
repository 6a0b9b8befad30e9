import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { Pool } from 'pg';
import { gzipSync } from 'node:zlib';
import { newBucket, s3 } from '../cdc/lake.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';
import { testPostgres } from '../fixtures/postgres.js';
import { run } from './command.js';

const postgres = testPostgres();
const dynamodb = dynamo();
const client = s3();
afterAll(() => {
  dynamodb.destroy();
  client.destroy();
});

const compared = ['--key', 'id', '--columns', 'amount'];

test('a table and its copies hold the same; one row that is altered is found, by the hash of its key', async () => {
  const url = await postgres.database();
  const pool = new Pool({ connectionString: url });
  const [bucket, table] = [await newBucket(client), await newTable(dynamodb, 'id')];
  const lines: string[] = [];
  await pool.query('CREATE TABLE payments (id text PRIMARY KEY, amount numeric)');
  for (const id of ['ada@example.com', 'b']) {
    await pool.query('INSERT INTO payments VALUES ($1, 1.50)', [id]);
    const Item = { id: { S: id }, amount: { S: '1.50' } };
    await dynamodb.send(new PutItemCommand({ TableName: table.name, Item }));
    lines.push(JSON.stringify({ op: 'c', before: null, after: { id, amount: '1.50' } }));
  }
  const Body = gzipSync(`${lines.join('\n')}\n`);
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'p/1.json.gz', Body }));
  const source = `${url}#payments`;
  for (const sink of [`s3://${bucket}/p/`, `dynamodb:${table.name}`, source])
    expect(await run('audit', '--source', source, '--sink', sink, ...compared)).toMatchObject({ status: 0 });

  await pool.query("UPDATE payments SET amount = 1.51 WHERE id = 'ada@example.com'");
  const found = await run('audit', '--source', source, '--sink', `s3://${bucket}`, ...compared);
  expect(found).toMatchObject({ status: 1 });
  expect(found.stdout).toMatch(/altered {2}[0-9a-f]+/);
  expect(found.stderr).toContain('1 altered');
  expect(found.stdout + found.stderr).not.toContain('ada@');
  const shown = await run(
    'audit',
    '--source',
    source,
    '--sink',
    `s3://${bucket}`,
    ...compared,
    '--show-keys',
  );
  expect(shown.stdout).toContain('ada@example.com');

  await pool.query('TRUNCATE payments');
  const empty = await run('audit', '--source', source, '--sink', source, ...compared, '--json');
  expect(empty).toMatchObject({ status: 1 });
  expect(JSON.parse(empty.stdout)).toMatchObject({ ok: false });
  await pool.end();
});

test('a store that is none is an error that quotes no password', async () => {
  const none = await run('audit', '--source', 'mysql://u:secret@db#t', '--sink', 's3://b', ...compared);
  expect(none).toMatchObject({ status: 2 });
  expect(none.stderr).toContain('names no store');
  expect(none.stderr).not.toContain('secret');
});
