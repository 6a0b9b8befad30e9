import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { optedIn, startDynamoDbLocal } from '../targets/dynamodb-local/index.js';
import { startEmbedded } from '../targets/embedded/index.js';

/** The database that both sides run on. */
export interface Engine {
  readonly name: string;
  readonly client: DynamoDBClientConfig & { readonly endpoint: string };
  stop(): Promise<void>;
}

/** What results say of the engine that the floors are stated for. */
export const floorEngine = 'DynamoDB Local 3.3.1';

/** DynamoDB Local with `DYNAMODB_LOCAL=1`, else the embedded emulator. */
export async function startEngine(log: (line: string) => void): Promise<Engine> {
  if (optedIn()) {
    const local = await startDynamoDbLocal({ log });
    return { name: floorEngine, client: local.client, stop: () => local.stop() };
  }
  const target = await startEmbedded({ log });
  return {
    name: 'MiniStack 1.5.33 (embedded emulator)',
    client: target.client,
    stop: () => target.stop(),
  };
}

/** A client with enough connections for 8 batches at once, each with all its lanes side by side. */
export function clientOf(engine: Pick<Engine, 'client'>, options: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({
    ...engine.client,
    requestHandler: { httpsAgent: {}, httpAgent: { maxSockets: 200 } },
    ...options,
  });
}
