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

test.each([
  [{}, 'Retain', true],
  [{ disposable: 'false', polling: 'true' }, 'Retain', true],
  [{ disposable: 'true', polling: 'false' }, 'Delete', false],
  [{ disposable: true, polling: false }, 'Delete', false],
])('context %j: tables %s, polling %s', (context, deletionPolicy, enabled) => {
  expect(runApp(context)).toMatchObject({ status: 0, stderr: '' });
  const { Resources } = JSON.parse(
    readFileSync(join(outdir, 'ExactlyOnceReference.template.json'), 'utf8'),
  ) as {
    Resources: Record<string, { Type: string; DeletionPolicy?: string; Properties: { Enabled?: boolean } }>;
  };
  const of = (type: string) => Object.values(Resources).filter(({ Type }) => Type === type);
  expect(new Set(of('AWS::DynamoDB::Table').map((table) => table.DeletionPolicy))).toEqual(
    new Set([deletionPolicy]),
  );
  const mappings = of('AWS::Lambda::EventSourceMapping').map(({ Properties }) => Properties.Enabled);
  expect(new Set(mappings)).toEqual(new Set([enabled]));
  expect(existsSync(join(outdir, 'GUARANTEES.md'))).toBe(true);
});

test('context that is neither true nor false is refused', () => {
  const { status, stderr } = runApp({ disposable: 'yes' });
  expect(status).toBe(1);
  expect(stderr).toContain(
    'Error: context disposable is "yes", must be true or false: change -c disposable=...',
  );
});
