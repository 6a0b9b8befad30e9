import type { ClientConfig } from 'pg';
import { CdcBuffer, type CdcBatch, type Decoded } from './cdc-buffer.js';
import { acknowledging } from './lsn.js';
import type { OutboxNames } from './names.js';
import { importReplication } from './packages.js';
import type { Position } from './position.js';

export interface LogReading {
  readonly connection: ClientConfig;
  readonly slot: string;
  readonly names: OutboxNames;
  readonly from: Position;
  readonly batchEvents: number;
  readonly batchBytes: number;
  /** How long a transaction waits for company. */
  readonly lingerMs: number;
  /** Sends, and makes the position durable. @returns false: it did not */
  readonly send: (batch: CdcBatch) => Promise<boolean>;
  /** Fires when it is to end. */
  readonly signal: AbortSignal;
}

/** Well below `wal_sender_timeout`, 60 s by default: while nothing is read, nothing would be answered. */
const statusMs = 5_000;

/**
 * Reads the log from a position and sends what is in it, batch after batch, until it is told to end.
 *
 * Of pg-logical-replication: it confirms nothing by itself (`auto: false` with a timer confirms what was only
 * received), it waits for who handles its messages (`flowControl`), and what goes wrong ends this reading: it would
 * only tell, and go on behind what failed.
 *
 * @throws whatever ended it; what was not marked by then is read again
 */
export async function readLog(reading: LogReading): Promise<void> {
  const { connection, slot, names, from, batchEvents, batchBytes, lingerMs, send, signal } = reading;
  const { LogicalReplicationService, PgoutputPlugin } = await importReplication();
  // The decoder writes times as the session does, and the plugin reads ISO 8601 alone.
  const options = [connection.options, '-c datestyle=ISO'].filter(Boolean).join(' ');
  const service = new LogicalReplicationService(
    { ...connection, options },
    {
      acknowledge: { auto: false, timeoutSeconds: 0 },
      flowControl: { enabled: true },
    },
  );
  // Heartbeats are messages of the log: without them the end of an idle log would never be known.
  const plugin = new PgoutputPlugin({
    protoVersion: 1,
    publicationNames: [names.publication],
    messages: true,
  });
  const end = Promise.withResolvers<undefined>();
  let isOver = false;
  const fail = (error: unknown) => {
    isOver = true;
    end.reject(error instanceof Error ? error : new Error(String(error)));
  };
  const stop = () => {
    isOver = true;
    end.resolve(undefined);
  };
  const [schema = '', name = ''] = names.events.split('.');
  const buffer = new CdcBuffer(from, { schema, name }, new Date());
  let durable = from.end;
  let sending = Promise.resolve();
  let linger: ReturnType<typeof setTimeout> | undefined;
  const confirm = () => {
    if (!isOver) service.acknowledge(acknowledging(durable)).catch(fail);
  };
  const flush = () => {
    clearTimeout(linger);
    linger = undefined;
    sending = sending
      .then(async () => {
        if (isOver || !buffer.isChanged) return;
        const batch = buffer.take();
        if (!(await send(batch))) {
          stop();
          return;
        }
        durable = batch.position.end;
        confirm();
      })
      .catch(fail);
  };
  service.on('error', fail);
  service.on('heartbeat', (_lsn, _at, asks) => {
    // The place that it names may be behind what still waits to be handled.
    if (asks) confirm();
  });
  service.on('data', async (_lsn, message: Decoded) => {
    if (isOver) return;
    try {
      buffer.add(message);
    } catch (error) {
      fail(error);
      return;
    }
    if (buffer.events >= batchEvents || buffer.bytes >= batchBytes) {
      // One batch is sent while the next one is gathered, and no more.
      await sending;
      flush();
    } else if (message.tag === 'commit') linger ??= setTimeout(flush, lingerMs);
  });
  const status = setInterval(confirm, statusMs);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    service
      .subscribe(plugin, slot, from.end)
      .then(() => fail(new Error('the server has ended the stream')), fail);
    await end.promise;
  } finally {
    isOver = true;
    signal.removeEventListener('abort', stop);
    clearInterval(status);
    clearTimeout(linger);
    await sending;
    await close(service);
  }
}

/** A stream that is paused never hears that it was closed. */
async function close(service: { destroy(): Promise<unknown> }): Promise<void> {
  const { stream } =
    (service as unknown as { _connection?: { stream?: { destroy(): void } } })._connection ?? {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      stream?.destroy();
      resolve();
    }, 500);
  });
  await Promise.race([service.destroy().catch(() => undefined), late]);
  clearTimeout(timer);
}
