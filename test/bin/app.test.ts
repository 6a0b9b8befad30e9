import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
let outdir: string;
beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'app-'));
});
afterEach(() => {
  rmSync(outdir, { recursive: true });
});

/** Runs the app as the CDK CLI does, with context as `-c` gives it. */
function runApp(context: Record<string, unknown>): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, ['--import', 'tsx', join('bin', 'app.ts')], {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      CDK_OUTDIR: outdir,
      CDK_VALIDATION: 'false',
      CDK_CONTEXT_JSON: JSON.stringify({ 'aws:cdk:bundling-stacks': [], ...context }),
    },
  });
}

interface Properties {
  readonly Enabled?: boolean;
  readonly Environment?: { readonly Variables?: Readonly<Record<string, unknown>> };
}

test.each<[Record<string, unknown>, string, boolean, readonly string[]]>([
  [{}, 'Retain', true, []],
  [{ disposable: 'false', polling: 'true' }, 'Retain', true, []],
  [
    {
      ...{ disposable: 'true', polling: 'false', mailProviderUrl: 'http://mails.example/v1/' },
      postgresUrl: 'postgres://ledger@db.example/payments',
    },
    'Delete',
    false,
    ['http://mails.example/v1'],
  ],
  [{ disposable: true, polling: false }, 'Delete', false, []],
])('context %j: tables %s, polling %s, mails through %j', (context, deletionPolicy, enabled, mails) => {
  expect(runApp(context)).toMatchObject({ status: 0, stderr: '' });
  const { Resources } = JSON.parse(
    readFileSync(join(outdir, 'ExactlyOnceReference.template.json'), 'utf8'),
  ) as {
    Resources: Record<string, { Type: string; DeletionPolicy?: string; Properties: Properties }>;
  };
  const of = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
  expect(new Set(of('AWS::DynamoDB::Table').map((table) => table.DeletionPolicy))).toEqual(
    new Set([deletionPolicy]),
  );
  const mappings = of('AWS::Lambda::EventSourceMapping').map(({ Properties }) => Properties.Enabled);
  expect(new Set(mappings)).toEqual(new Set([enabled]));
  const providers = of('AWS::Lambda::Function').map(
    ({ Properties }) => Properties.Environment?.Variables?.['MAIL_PROVIDER_URL'],
  );
  expect(providers.filter((url) => url !== undefined)).toEqual(mails);
  expect(existsSync(join(outdir, 'GUARANTEES.md'))).toBe(true);
});

test.each([
  [
    { disposable: 'yes' },
    'Error: context disposable is "yes", must be true or false: change -c disposable=...',
  ],
  [
    { mailProviderUrl: 'mails.example/v1?key=1' },
    'Error: context mailProviderUrl is "mails.example/v1?key=1", must be an http or https URL without credentials, query and fragment: change -c mailProviderUrl=...',
  ],
  [
    { webhooks: 'true', subscriberNetwork: '10.0.0.0/99' },
    'Error: context subscriberNetwork is "10.0.0.0/99", must be a network such as 10.0.0.0/8: change -c subscriberNetwork=...',
  ],
  [
    { postgresUrl: 'postgres://ledger:secret@db.example/payments' },
    'Error: context postgresUrl must be postgres://user@host:port/database, without a password',
  ],
  [
    { mailProviderUrl: 'https://ada:secret@mails.example' },
    'must be an http or https URL without credentials',
  ],
])('context %j is refused', (context, message) => {
  const { status, stderr } = runApp(context);
  expect(status).toBe(1);
  expect(stderr).toContain(message);
});
