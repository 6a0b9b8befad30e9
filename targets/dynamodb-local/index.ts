import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.js';
import { guarded, type GuardedProcess } from '../guarded-process.js';
import { dynamoDbLocalJars } from './download.js';
import { DynamoDbLocalStartError } from './errors.js';

export * from './errors.js';
export { optedIn, optInVariable } from './opt-in.js';

export interface DynamoDbLocal {
  readonly endpoint: string;
  /** Spread into a DynamoDB client. */
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  /** Process id of the guard, whose only child is the JVM. */
  readonly pid: number;
  /** Ends it; all tables are gone with it. May be called more than once. */
  stop(): Promise<void>;
}

const mainClass = 'software.amazon.dynamodb.services.local.main.ServerRunner';
const startSeconds = 60;
const portTries = 3;

/**
 * Starts DynamoDB Local (pinned in pom.xml), in memory and without telemetry, on a free port, and waits until it
 * answers. The first call fetches it below `.local/`.
 *
 * It has no option to listen on the loopback interface only: use it where its port is not reachable from elsewhere,
 * or behind a firewall. It checks no credentials.
 *
 * @throws NotOptedInError unless DYNAMODB_LOCAL is 1: its licence asks whoever uses it for an AWS account
 * @throws JavaMissingError, MavenMissingError, DownloadFailedError when it cannot be fetched
 * @throws DynamoDbLocalStartError with its last lines when it does not answer within 60 s
 */
export async function startDynamoDbLocal(
  options: { log?: (line: string) => void } = {},
): Promise<DynamoDbLocal> {
  const jars = await dynamoDbLocalJars(options.log);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const started = guarded([
      'java',
      '-Xmx1g',
      `-Djava.library.path=${jars}`,
      '-cp',
      join(jars, '*'),
      mainClass,
      '-inMemory',
      '-sharedDb',
      '-disableTelemetry',
      '-port',
      String(port),
    ]);
    const failure = await untilAnswering(started, port);
    if (failure === undefined) {
      const endpoint = `http://127.0.0.1:${port}`;
      options.log?.(`DynamoDB Local ready on ${endpoint}`);
      const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
      return {
        endpoint,
        client: { endpoint, region: 'us-east-1', credentials },
        pid: started.pid,
        stop: () => started.stop(),
      };
    }
    await started.stop();
    // Another process took the port in between.
    if (attempt === portTries || !failure.message.includes('Address already in use')) throw failure;
  }
}

/** Undefined once it answers, otherwise why it did not. */
async function untilAnswering(
  started: GuardedProcess,
  port: number,
): Promise<DynamoDbLocalStartError | undefined> {
  const deadline = Date.now() + startSeconds * 1000;
  while (Date.now() < deadline) {
    if (started.ended())
      return new DynamoDbLocalStartError(
        `DynamoDB Local did not start; its last lines are below\n${started.output()}`,
      );
    // Any answer will do: to a bare GET it is "400 Bad Request".
    const answered = await fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(2000) }).catch(
      () => undefined,
    );
    if (answered !== undefined && !started.ended()) return undefined;
    await sleep(50);
  }
  return new DynamoDbLocalStartError(
    `DynamoDB Local did not answer within ${startSeconds} s; its last lines are below\n${started.output()}`,
  );
}
