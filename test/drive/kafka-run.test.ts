import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../targets/package-root.js';
import { describeWithKafka } from '../kafka/processor/with-kafka.js';

/** Ends with a status. Its standard error is told when a test fails. */
function startKafkaRun(...args: string[]): Promise<{ status: unknown; text: string }> {
  const command = ['--import', 'tsx', join(packageRoot, 'drive', 'kafka', 'main.ts'), ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: packageRoot }, (error, stdout, stderr) =>
      resolve({ status: error?.code ?? 0, text: `${stdout}\n${stderr}` }),
    );
  });
}

describeWithKafka(__filename)('npm run start:kafka', () => {
  it('ends with status 0 and every effect once, through kills of processors and of the function', async () => {
    const { status, text } = await startKafkaRun('--purchases', '200', '--kills', '2');
    expect(text).toMatch(/processors 2 times, functions 2 times/);
    expect(text).toContain('Every effect happened exactly once.');
    expect(status).toBe(0);
  }, 300_000);
});

it('refuses a flag that it does not know with status 2', async () => {
  const { status, text } = await startKafkaRun('--purchase', '200');
  expect(text).toContain('--purchase');
  expect(status).toBe(2);
}, 60_000);
