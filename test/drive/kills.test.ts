import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InvocationStart } from '../../targets/event-source/index.js';
import { kills, type Kills, killsInWords, waitInWords } from '../../drive/faults/kills.js';
import { workerProcesses } from '../../drive/faults/worker-processes.js';

const folder = mkdtempSync(join(tmpdir(), 'kills-'));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A process that looks like the emulator's for a function. */
async function worker(functionName: string): Promise<ChildProcess> {
  const place = join(folder, `ministack-lambda-${functionName}-x1`);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, '_worker.js'), 'console.log("up"); setInterval(() => {}, 1000);');
  const child = spawn(process.execPath, [join(place, '_worker.js')], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

function startOf(functionName: string, records: number, receiveCount = '1'): InvocationStart {
  const record = { body: '{}', attributes: { ApproximateReceiveCount: receiveCount } };
  return { functionName, records: Array.from({ length: records }, () => record) as never };
}

const ended = { functionName: 'pay', sourceArn: '', records: 1, failed: 0, logTail: '' };
const ok = { ...ended, outcome: 'ok', durationMs: 5 } as const;
const error = { ...ended, outcome: 'error', durationMs: 5 } as const;

/** Starts an invocation, waits for the kill, and ends the invocation as a killed one. */
async function strike(killer: Kills, child: ChildProcess): Promise<void> {
  const end = killer.onStart(startOf('pay', 1));
  await once(child, 'exit');
  end?.(error);
  await killer.settled();
}

test("finds a function's workers below a process, and nobody else's", async () => {
  const child = await worker('pay');
  await worker('other');
  expect(await workerProcesses(process.pid, 'pay')).toEqual([child.pid]);
  expect(await workerProcesses(child.pid ?? 0, 'pay')).toEqual([]);
});

test('kills in its share, counts what was committed, and leaves other functions alone', async () => {
  const child = await worker('pay');
  const other = await worker('other');
  let committed = 0;
  const killer = kills({
    ...{ functionName: 'pay', seed: 1, share: 0.5 },
    workers: (name) => workerProcesses(process.pid, name),
    committed: () => Promise.resolve(committed),
  });
  killer.onStart(startOf('pay', 1))?.(ok);
  committed = 3;
  await strike(killer, child);
  expect(killer).toMatchObject({ killed: 1, afterCommit: 1 });
  expect(child.signalCode).toBe('SIGKILL');
  expect(other.exitCode ?? other.signalCode).toBeNull();
  expect(killsInWords(killer)[0]).toMatch(/1 invocations killed, 1 of them .* not conclusive, 5 are needed/);

  // 2 messages, 1 kill: the share is used up. Messages that come again are no reason for another kill.
  const next = await worker('pay');
  killer.onStart(startOf('pay', 9, '2'));
  await sleep(100);
  expect(next.signalCode).toBeNull();
});

test('no kill begins when the time for kills is over', async () => {
  const child = await worker('pay');
  const killer = kills({
    ...{ functionName: 'pay', seed: 1, share: 1, withinMs: 0 },
    workers: (name) => workerProcesses(process.pid, name),
  });
  killer.onStart(startOf('pay', 1))?.(ok);
  await strike(killer, child);
  const next = await worker('pay');
  killer.onStart(startOf('pay', 9));
  await sleep(100);
  expect(next.exitCode ?? next.signalCode).toBeNull();
});

test('says what a run waits for, until it is back', async () => {
  const child = await worker('pay');
  const killer = kills({
    ...{ functionName: 'pay', seed: 1, share: 1 },
    workers: (name) => workerProcesses(process.pid, name),
  });
  expect(waitInWords(killer)).toBe('');
  killer.onStart(startOf('pay', 1))?.(ok);
  await strike(killer, child);
  const { backAt = 0 } = killer;
  expect(waitInWords(killer, backAt - 22_500)).toBe('23 s until what a killed function held comes back, ');
  expect(waitInWords(killer, backAt)).toBe('');
});

test('what fails in the wake of a kill is told apart, other errors are not', async () => {
  const child = await worker('pay');
  const killer = kills({
    ...{ functionName: 'pay', seed: 1, share: 0.1 },
    workers: (name) => workerProcesses(process.pid, name),
  });
  const died = { ...error, logTail: 'a line\nWorker process died' };
  killer.onStart(startOf('pay', 9))?.(ok);
  // Nothing was killed yet: it died by itself.
  killer.onStart(startOf('pay', 0))?.(died);
  await strike(killer, child);
  killer.onStart(startOf('pay', 0))?.(died);
  killer.onStart(startOf('pay', 0))?.({ ...error, logTail: '[Errno 32] Broken pipe' });
  killer.onStart(startOf('pay', 0))?.({ ...error, logTail: '' });
  killer.onStart(startOf('pay', 0))?.({ ...error, logTail: 'Error: Worker process died, says the handler' });
  killer.onStart(startOf('pay', 0))?.({ ...error, logTail: 'Task timed out after 5.00 seconds' });
  expect(killer).toMatchObject({ killed: 1, inWake: 3 });
  expect(killsInWords(killer)).toEqual(['kills: 1 invocations killed, 3 more failed in their wake']);
});

test('an invocation that ended before its kill is no kill, and another one is killed instead', async () => {
  const child = await worker('pay');
  const killer = kills({
    ...{ functionName: 'pay', seed: 1, share: 1 },
    workers: (name) => workerProcesses(process.pid, name),
  });
  killer.onStart(startOf('pay', 1))?.(ok);
  killer.onStart(startOf('pay', 1))?.(error);
  await sleep(50);
  expect(killer).toMatchObject({ killed: 0, afterCommit: undefined });
  expect(child.signalCode).toBeNull();
  await strike(killer, child);
  expect(killer.killed).toBe(1);
});

test('where workers cannot be found, kills are skipped by name', async () => {
  const none = kills({ functionName: 'pay', seed: 1, share: 1, workers: undefined });
  expect(killsInWords(none)).toEqual(["kills: skipped, the target's processes are out of reach"]);
  const unseen = kills({
    ...{ functionName: 'pay', seed: 1, share: 1 },
    workers: () => Promise.reject(new Error('no ps')),
  });
  unseen.onStart(startOf('pay', 1))?.(ok);
  unseen.onStart(startOf('pay', 1));
  await sleep(50);
  expect(killsInWords(unseen)).toEqual(['kills: skipped, no ps']);
  expect(killsInWords(kills({ functionName: 'pay', seed: 1, share: 0, workers: undefined }))).toEqual([]);
});
