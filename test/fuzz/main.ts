import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { signed } from '../../cli/conformance/sign.js';
import { deployStack } from '../../targets/deploy.js';
import { emulatorPython } from '../../targets/embedded/python.js';
import { startEmbedded } from '../../targets/embedded/index.js';
import { startEventSourceRunner } from '../../targets/event-source/index.js';
import { packageRoot } from '../../targets/package-root.js';

/**
 * `npm run fuzz`: Schemathesis, which shares no code with this package, asks the deployed reference stack all that
 * docs/openapi/payments.json allows and much that it does not. It holds that no answer is a 5xx and that the file is
 * true of every answer; an audit of the tables holds that what was accepted has acted once. Writes
 * test/fuzz/result.json. Status 0: all held.
 *
 * By hand, because it installs Python packages (requirements.txt) and takes minutes.
 *
 * @see https://schemathesis.readthedocs.io/en/stable/reference/cli/
 */
const examples = Number(process.env.FUZZ_EXAMPLES ?? 300);
const seed = Number(process.env.FUZZ_SEED ?? 1);
const log = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<boolean> {
  const python = await emulatorPython(log, { requirements: 'test/fuzz/requirements.txt' });
  const target = await startEmbedded({ log });
  const client = new DynamoDBClient(target.client);
  try {
    const context = { disposable: 'true', polling: 'false' };
    const outputs = await deployStack(target, { context, log });
    const runner = await startEventSourceRunner(target, {
      functionNames: ['Settlement', 'Relay'].map((name) => outputs[`${name}FunctionName`] ?? ''),
    });
    const url = target.httpUrl(outputs['ApiUrl'] ?? '').replace(/\/$/, '');
    const { status, output } = await schemathesis(python, url, target);
    await runner.idle(2_000);
    const audit = await audited(client, outputs);
    await runner.stop();
    const held = status === 0 && audit.accepted > 0 && audit.settled === audit.accepted && audit.dead === 0;
    const said = (pattern: RegExp) => pattern.exec(output)?.[1];
    const result = {
      held,
      date: new Date().toISOString().slice(0, 10),
      versions: { schemathesis: said(/Schemathesis v(\S+)/), node: process.versions.node },
      examples,
      seed,
      requests: Number(said(/(\d+) generated/)),
      failures: output.slice(output.lastIndexOf('= SUMMARY')).match(/ST\d+ .*/g) ?? [],
      audit,
    };
    await writeFile(
      join(packageRoot, 'test', 'fuzz', 'result.json'),
      `${JSON.stringify(result, undefined, 2)}\n`,
    );
    log(JSON.stringify({ held, audit }));
    return held;
  } finally {
    client.destroy();
    await target.stop();
  }
}

/** Runs it; what it prints is shown and returned. */
async function schemathesis(
  python: string,
  url: string,
  {
    region,
    client,
  }: { region: string; client: { credentials: { accessKeyId: string; secretAccessKey: string } } },
): Promise<{ status: number | null; output: string }> {
  // The emulator looks at the key id of a signature, and at nothing that a request says besides.
  const { headers } = signed(
    { method: 'POST', url: new URL(`${url}/payments`), headers: [] },
    { region, ...client.credentials },
    new Date(),
  );
  const given = headers.flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
  const child = spawn(
    python,
    [
      // Not the script of its name, which knows the folder that the environment was built in.
      ...['-c', 'from schemathesis.cli import schemathesis; schemathesis()'],
      ...['--config-file', join(packageRoot, 'test', 'fuzz', 'schemathesis.toml'), 'run'],
      ...[join(packageRoot, 'docs', 'openapi', 'payments.json'), '--url', url, ...given],
      ...['--max-examples', String(examples), '--seed', String(seed), '--continue-on-failure'],
      // The emulator verifies no signature. What was found in an earlier run is not kept: the seed says it all.
      ...['--exclude-checks', 'ignored_auth', '--generation-database', 'none', '--no-color'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], cwd: join(packageRoot, '.local') },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    process.stdout.write(chunk);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}

/** Counts rows and the counters that hang on no key. Imports nothing of the runtime. */
async function audited(client: DynamoDBClient, outputs: Readonly<Record<string, string>>) {
  const rows = async (name: string) => {
    const found: Record<string, unknown>[] = [];
    for await (const { Items = [] } of paginateScan(
      { client },
      { TableName: outputs[`${name}TableName`], ConsistentRead: true },
    ))
      found.push(...Items.map((item) => unmarshall(item)));
    return found;
  };
  const accepted = (await rows('Accepted')).length;
  const settled = (await rows('Accounts')).reduce((sum, row) => sum + Number(row['payments'] ?? 0), 0);
  const payments = (await rows('Payments')).length;
  return { accepted, settled, payments, dead: accepted - payments };
}

main().then(
  (held) => {
    process.exitCode = held ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exitCode = 2;
  },
);
