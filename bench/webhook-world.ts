import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand, waitUntilTableExists, type DynamoDBClient } from '@aws-sdk/client-dynamodb';

type Shape = Pick<
  ConstructorParameters<typeof CreateTableCommand>[0],
  'KeySchema' | 'AttributeDefinitions' | 'GlobalSecondaryIndexes'
>;

const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' as const });
const keys = (hash: string, range?: string) => [
  { AttributeName: hash, KeyType: 'HASH' as const },
  ...(range === undefined ? [] : [{ AttributeName: range, KeyType: 'RANGE' as const }]),
];

const shapes: Readonly<Record<'webhooks' | 'receipts' | 'outbox', Shape>> = {
  receipts: { KeySchema: keys('id'), AttributeDefinitions: [text('id')] },
  outbox: {
    KeySchema: keys('stream', 'version'),
    AttributeDefinitions: [text('stream'), text('version')],
  },
  webhooks: {
    KeySchema: keys('pk', 'sk'),
    AttributeDefinitions: [
      ...['pk', 'sk', 'dueIn'].map(text),
      { AttributeName: 'dueAt', AttributeType: 'N' as const },
    ],
    GlobalSecondaryIndexes: [
      { IndexName: 'due', KeySchema: keys('dueIn', 'dueAt'), Projection: { ProjectionType: 'KEYS_ONLY' } },
    ],
  },
};

/** A new table of one of the three kinds. */
export async function newTableOf(client: DynamoDBClient, kind: keyof typeof shapes): Promise<string> {
  const TableName = `bench-${kind}-${randomUUID()}`;
  await client.send(new CreateTableCommand({ TableName, BillingMode: 'PAY_PER_REQUEST', ...shapes[kind] }));
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 0.05, maxDelay: 0.2 }, { TableName });
  return TableName;
}

/** A server on this machine that takes every delivery. */
export async function takingServer(): Promise<{ url: string; taken: () => number; close: () => void }> {
  let taken = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      taken += 1;
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    taken: () => taken,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface Arrival {
  readonly path: string;
  /** Of the event, in its data. */
  readonly n: number;
  /** By `performance.now()`. */
  readonly at: number;
}

/** A server on this machine that notes when what arrives, and leaves some of it without an answer. */
export async function arrivalServer(
  hangs: (path: string) => boolean,
): Promise<{ url: string; arrivals: Arrival[]; close: () => void }> {
  const arrivals: Arrival[] = [];
  const server = createServer((request, response) => {
    const at = performance.now();
    let body = '';
    request
      .on('data', (chunk) => (body += String(chunk)))
      .on('end', () => {
        const path = request.url ?? '';
        arrivals.push({ path, n: (JSON.parse(body) as { data: { n: number } }).data.n, at });
        if (!hangs(path)) response.writeHead(204).end();
      });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    arrivals,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
