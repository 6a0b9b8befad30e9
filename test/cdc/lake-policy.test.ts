import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Template } from 'aws-cdk-lib/assertions';
import { LakeBucket } from '../../lib/index.js';
import {
  debezium,
  icebergFileCatalog,
  icebergSink,
  MemoryLog,
  runSink,
  s3DeadLetters,
  s3Sink,
} from '../../runtime/cdc/index.js';
import { constructStack } from '../fixtures/construct-stack.js';
import { changeEvent, systemId } from './debezium-record.js';
import { namesIn, newBucket, s3 } from './lake.js';

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string;
  /** A list of one comes as itself. */
  readonly NotResource: { readonly 'Fn::Join': readonly [string, readonly unknown[]] };
  readonly Condition: { readonly Null: Readonly<Record<string, string>> };
}

type Denies = (name: string, headers: Readonly<Record<string, string>>) => boolean;

/** What the policy of the bucket, as it is synthesized, says of a put. */
function synthesizedPolicy(): Denies {
  const stack = constructStack();
  new LakeBucket(stack, 'Lake');
  const [policy] = Object.values(Template.fromStack(stack).findResources('AWS::S3::BucketPolicy'));
  const statements = (policy?.Properties as { readonly PolicyDocument: { readonly Statement: Statement[] } })
    .PolicyDocument.Statement;
  const [deny] = statements.filter(({ Sid }) => Sid === 'OnlyNewObjects');
  if (deny?.Effect !== 'Deny' || deny.Action !== 's3:PutObject')
    throw new Error('there is no such statement');
  const pattern = String(deny.NotResource['Fn::Join'][1].at(-1));
  const excepted = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
  const [[key, isMissing] = ['', '']] = Object.entries(deny.Condition.Null);
  const header = key.replace('s3:', '');
  return (name, headers) =>
    !excepted.test(`/${name}`) && isMissing === 'true' && headers[header] === undefined;
}

/** A client whose bucket has the policy. */
function policed(client: S3Client, denies: Denies): { readonly client: S3Client; readonly denied: string[] } {
  const denied: string[] = [];
  client.middlewareStack.add(
    (next) => (args) => {
      const { method, path, headers } = args.request as {
        readonly method: string;
        readonly path: string;
        readonly headers: Readonly<Record<string, string>>;
      };
      const name = path.split('/').slice(2).join('/');
      if (method !== 'PUT' || name === '' || !denies(name, headers)) return next(args);
      denied.push(name);
      throw Object.assign(new Error('denied by the policy of the bucket'), { name: 'AccessDenied' });
    },
    { step: 'build', name: 'policy', priority: 'low' },
  );
  return { client, denied };
}

test('every put of the sinks is let in by the policy of the bucket, the hint of Iceberg, too; others are not', async () => {
  const { client, denied } = policed(s3(), synthesizedPolicy());
  const bucket = await newBucket(client);
  const topic = 'shop.public.payments';
  const log = new MemoryLog();
  const [at] = log.create(topic);
  for (let i = 0; i < 6; i += 1) log.append(at!, changeEvent({ after: { id: `r${i}` }, ordinal: i + 1 }));
  log.append(at!, { key: '{}', value: 'no JSON' });
  const catalog = icebergFileCatalog({ bucket, prefix: 'tables/payments', client });
  const options = {
    source: log,
    decode: debezium({ systemId }),
    deadLetters: s3DeadLetters({ bucket, client }),
    stopAtEnd: true,
    patienceMs: 0,
    batch: { rows: 2 },
  };
  await runSink({ ...options, sink: s3Sink({ name: 'lake', bucket, prefix: 'lake/', client }) });
  await runSink({ ...options, sink: icebergSink({ name: 'table', catalog, minManifestsToMerge: 2 }) });
  expect(denied).toEqual([]);
  const names = await namesIn(client, bucket);
  const letters = names.filter((name) => name.startsWith('dead-letters/'));
  expect(letters).toHaveLength(1);
  // The hint was written three times.
  expect(names).toContain('tables/payments/metadata/version-hint.text');
  expect((await catalog.load()).version).toBe(3);

  // A writer of old code, also to a name that only looks like the hint.
  for (const Key of [...names.slice(0, 3), 'lake/version-hint.text', 'tables/metadata/version-hint.text.gz'])
    await expect(client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' }))).rejects.toMatchObject(
      { name: 'AccessDenied' },
    );
  client.destroy();
});
