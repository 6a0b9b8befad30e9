import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeEmbedded, startEmbedded } from '../../targets/embedded/index.js';
import { EmulatorDiedError, EmulatorStartError, startEmulator } from '../../targets/embedded/emulator.js';
import { RunnerStoppedError } from '../../targets/event-source/errors.js';
import { startEventSourceRunner } from '../../targets/event-source/index.js';
import { binFolder } from '../../targets/package-root.js';
import { emulatorPython } from '../../targets/embedded/python.js';
import { embedded } from '../fixtures/embedded.js';
import { Lab } from './kit/lab.js';

const settings = { region: 'us-east-1', account: '000000000000' };

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // Dead, but nobody has asked for its status yet: containers can lack an init process that does.
  const state = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
  return !state.includes(') Z ');
}

/** The tests' own time limit ends it. */
async function untilDead(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(20);
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/_ministack/health`).then(
    () => true,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('stop leaves no process, no function process, no folder', async () => {
  const emulator = await startEmulator(await emulatorPython(() => undefined), settings);
  const lab = new Lab(describeEmbedded(`http://127.0.0.1:${emulator.port}`));
  await lab.open();
  const bench = await lab.bench({
    behaviour: () => {
      console.log(`function process ${process.pid}`);
    },
  });
  await bench.send({ body: 'a' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  await runner.stop();
  const functionPid = Number(/function process (\d+)/.exec(runner.invocations[0]!.logTail)![1]);
  expect([emulator.pid, functionPid].map(isAlive)).toEqual([true, true]);
  expect(existsSync(emulator.folder)).toBe(true);

  await emulator.stop();
  await emulator.stop();
  expect(isAlive(emulator.pid)).toBe(false);
  await untilDead(functionPid);
  expect(await answers(emulator.port)).toBe(false);
  expect(existsSync(emulator.folder)).toBe(false);
  expect(await emulator.ended).toBeUndefined();
});

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'nothing is left when the process that started it gets %s',
  async (signal) => {
    const script = join(__dirname, 'kit', 'start-and-wait.ts');
    // Not the tsx command: it is a process of its own in front of the script.
    const starter = spawn(join(binFolder, 'node'), ['--require', 'tsx/cjs', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve) =>
      starter.stdout.once('data', (data) => resolve(String(data))),
    );
    const { port, pid, folder } = JSON.parse(line) as { port: number; pid: number; folder: string };
    expect(await answers(port)).toBe(true);
    starter.kill(signal);
    // The guard notices the end of its pipe, whatever ended the other side.
    await untilDead(pid);
    expect(await answers(port)).toBe(false);
    expect(existsSync(folder)).toBe(false);
  },
);

test('a port that another process took is not used', async () => {
  const python = await emulatorPython(() => undefined);
  const other = createServer((_request, response) => response.end('{"edition":"light"}'));
  const taken = await freePort();
  await new Promise<void>((resolve) => other.listen(taken, '127.0.0.1', resolve));
  // The second one is an emulator, too: that its health check answers proves nothing.
  const ports = [taken, Number(new URL(embedded().endpoint).port), await freePort()];
  const emulator = await startEmulator(python, settings, () => Promise.resolve(ports.shift()!));
  expect(ports).toEqual([]);
  expect(await answers(emulator.port)).toBe(true);
  await emulator.stop();

  await expect(startEmulator(python, settings, () => Promise.resolve(taken))).rejects.toThrow(
    EmulatorStartError,
  );
  await expect(startEmulator(python, settings, () => Promise.resolve(taken))).rejects.toThrow(
    'already in use',
  );
  other.close();
});

test('an emulator that dies is reported by the target and by the runner', async () => {
  const target = await startEmbedded();
  const lab = new Lab(target);
  await lab.open();
  const bench = await lab.bench({ behaviour: () => undefined });
  const runner = await startEventSourceRunner(target, { functionNames: [bench.name] });
  process.kill(target.pid, 'SIGTERM');
  const idle: unknown = await runner.idle(100).catch((error: unknown) => error);
  expect(idle).toBeInstanceOf(RunnerStoppedError);
  const died = await target.ended;
  expect(died).toBeInstanceOf(EmulatorDiedError);
  expect(died?.message).toContain('the emulator ended by itself: free some memory');
  await runner.stop();
  await target.stop();
});

test('two emulators run side by side', async () => {
  const targets = await Promise.all([startEmbedded(), startEmbedded()]);
  const ports = targets.map(({ endpoint }) => Number(new URL(endpoint).port));
  expect(new Set(ports).size).toBe(2);
  expect(await Promise.all(ports.map(answers))).toEqual([true, true]);
  await Promise.all(targets.map((target) => target.stop()));
  expect(await Promise.all(ports.map(answers))).toEqual([false, false]);
});

test('the URLs of deployed APIs are called on the endpoint', () => {
  const target = describeEmbedded('http://127.0.0.1:4711');
  expect(target.httpUrl('https://abc123.execute-api.us-east-1.amazonaws.com/pay?x=1')).toBe(
    'http://127.0.0.1:4711/_aws/execute-api/abc123/pay?x=1',
  );
  expect(target.httpUrl('http://abc123.execute-api.localhost:4711')).toBe(
    'http://127.0.0.1:4711/_aws/execute-api/abc123/',
  );
  expect(target.httpUrl('https://def.lambda-url.us-east-1.on.aws/')).toBe(
    'http://127.0.0.1:4711/_aws/lambda-url/def/',
  );
  expect(target.httpUrl('https://example.com/other')).toBe('https://example.com/other');
});
