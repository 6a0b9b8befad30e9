import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectRest, ConnectorStatus, PartStatus } from '../../runtime/cdc/connect/index.js';
import { ConnectError } from '../../targets/connect/index.js';
import { messageOf } from '../../targets/message-of.js';

const startSeconds = 120;

/** Waits until the connector and its task run. @throws ConnectError with what it says when it has failed */
export async function untilRunning(rest: ConnectRest, name: string): Promise<void> {
  const deadline = Date.now() + startSeconds * 1000;
  let last: ConnectorStatus | undefined;
  while (Date.now() < deadline) {
    last = await rest.status(name).catch(() => last);
    const parts = last === undefined ? [] : [last.connector, ...last.tasks];
    const failed = parts.find(({ state }) => state === 'FAILED');
    if (failed !== undefined)
      throw new ConnectError(`connector '${name}' has failed: ${firstLines(failed.trace ?? '')}`);
    if (parts.length > 1 && parts.every(({ state }) => state === 'RUNNING')) return;
    await sleep(250);
  }
  throw new ConnectError(
    `connector '${name}' does not run after ${startSeconds} s: ${last?.connector.state ?? 'no answer'}`,
  );
}

/**
 * Waits until Connect has stored an offset from behind the snapshot. A connector that is killed before takes its
 * snapshot anew, and no snapshot says which rows are gone (docs/cdc.md).
 */
export async function untilSnapshotIsOver(workerUrl: string, name: string): Promise<void> {
  const deadline = Date.now() + startSeconds * 1000;
  while (Date.now() < deadline) {
    const stored = await storedOffsets(workerUrl, name).catch(() => []);
    if (stored.length > 0 && stored.every((offset) => offset.snapshot === undefined)) return;
    await sleep(250);
  }
  throw new ConnectError(
    `connector '${name}' has stored no offset behind its snapshot after ${startSeconds} s`,
  );
}

/** What Connect says of the connector and its tasks, and the offset that it has stored, for people. Never throws. */
export async function connectorState(
  rest: ConnectRest,
  workerUrl: string,
  name: string,
): Promise<readonly string[]> {
  const [status, offsets] = await Promise.all([
    rest.status(name).then(
      ({ connector, tasks }) => [
        partText('connector', connector),
        ...tasks.map((task, number) => partText(`task ${number}`, task)),
      ],
      (error: unknown) => [`of the connector nothing is known: ${messageOf(error)}`],
    ),
    storedOffsets(workerUrl, name).then(
      (stored) => `stored offset: ${JSON.stringify(stored)}`,
      (error: unknown) => `of the stored offset nothing is known: ${messageOf(error)}`,
    ),
  ]);
  return [...status, offsets];
}

function partText(what: string, { state, trace }: PartStatus): string {
  return trace === undefined ? `${what}: ${state}` : `${what}: ${state}\n${firstLines(trace)}`;
}

function firstLines(trace: string): string {
  return trace.split('\n').slice(0, 6).join('\n');
}

async function storedOffsets(workerUrl: string, name: string): Promise<readonly Record<string, unknown>[]> {
  const response = await fetch(`${workerUrl}/connectors/${name}/offsets`);
  const { offsets = [] } = (await response.json()) as {
    offsets?: readonly { readonly offset: Record<string, unknown> }[];
  };
  return offsets.map(({ offset }) => offset);
}
