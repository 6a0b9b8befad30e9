import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectRest, ConnectorStatus } from '../../runtime/cdc/connect/index.js';
import { ConnectError } from '../../targets/connect/index.js';

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
      throw new ConnectError(
        `connector '${name}' has failed: ${failed.trace?.split('\n').slice(0, 6).join('\n')}`,
      );
    if (parts.length > 1 && parts.every(({ state }) => state === 'RUNNING')) return;
    await sleep(250);
  }
  throw new ConnectError(
    `connector '${name}' does not run after ${startSeconds} s: ${last?.connector.state ?? 'no answer'}`,
  );
}
