import { bundled } from '../../bench/bundle.js';

const postgres = /^runtime\/(postgres|.*\/postgres)\//;
const dynamodb = /^runtime\/(dynamodb|outbox)\/|^node_modules\/@aws-sdk/;

/** What a handler's bundle holds, by the entry point that it imports from. */
const modulesOf = async (path: string, name: string) => {
  const { modules } = await bundled({
    code: `import { ${name} } from './runtime/${path}/index.js'; export const handler = ${name};`,
  });
  expect(modules.length).toBeGreaterThan(10);
  return modules;
};

test.each([
  ['api', 'idempotentApi'],
  ['webhook', 'webhookReceiver'],
])('the bundle of %s holds nothing of Postgres', async (path, name) => {
  expect((await modulesOf(path, name)).filter((module) => postgres.test(module))).toEqual([]);
});

test.each([
  ['api/postgres', 'postgresIdempotentApi'],
  ['webhook/postgres', 'postgresWebhookReceiver'],
])('the bundle of %s holds nothing of DynamoDB', async (path, name) => {
  expect((await modulesOf(path, name)).filter((module) => dynamodb.test(module))).toEqual([]);
});
