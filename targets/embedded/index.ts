import { delimiter } from 'node:path';
import { startEmulator, type EmulatorDiedError } from './emulator.js';
import { binFolder } from '../package-root.js';
import { emulatorPython } from './python.js';
import { localUrl } from '../local-url.js';
import { LocalTargetError } from '../local-target-error.js';
import { warnOfOldNode } from '../../runtime/telemetry/node-version.js';
import type { EventSourceRunner, EventSourceRunnerOptions } from '../event-source/index.js';
import type { EndpointTarget, Target } from '../target.js';

warnOfOldNode();

export type { EventSourceRunner, EventSourceRunnerOptions } from '../event-source/index.js';
export type { Target, EndpointTarget } from '../target.js';

/** The runner's clients of AWS are not installed. */
export class RunnerPackagesMissingError extends LocalTargetError {
  override readonly name = 'RunnerPackagesMissingError';
}

/**
 * Plays the target's event source mappings of queues and DynamoDB streams by AWS's rules: what
 * `startEventSourceRunner` of targets/event-source does, loaded when it is called, because a test of a handler alone
 * needs none of its clients.
 *
 * @throws RunnerPackagesMissingError; MappingInvalidError for settings that AWS would refuse
 */
export async function startEventSourceRunner(
  target: Target,
  options: EventSourceRunnerOptions = {},
): Promise<EventSourceRunner> {
  const runner = await import('../event-source/index.js').catch((cause: unknown) => {
    const { code } = cause as { readonly code?: unknown };
    if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new RunnerPackagesMissingError(
      'the event-source runner needs clients that are not installed: ' +
        'npm install --save-dev @aws-sdk/client-lambda @aws-sdk/client-dynamodb-streams @aws-sdk/client-s3',
      { cause },
    );
  });
  return runner.startEventSourceRunner(target, options);
}

export interface EmbeddedTarget extends EndpointTarget {
  /** Process id of the emulator's guard. */
  readonly pid: number;
  /** Settles when the emulator has ended: with an error unless `stop` ended it. Never rejects. */
  readonly ended: Promise<EmulatorDiedError | undefined>;
}

const region = 'us-east-1';
const account = '000000000000';

/**
 * Starts the emulator (MiniStack, pinned in targets/embedded/requirements.txt) on a free loopback port, with a
 * temporary folder of its own, and waits until it answers. The first call installs it (`cacheFolder`).
 *
 * Nothing stays behind however this process ends, kill -9 included: a guard process ends the emulator and removes
 * its folder as soon as the pipe to this process closes. The emulator does not keep this process alive. An emulator
 * that dies is reported through `ended`.
 *
 * @throws PythonMissingError, VenvMissingError, InstallFailedError when it cannot be installed
 * @throws EmulatorStartError with its last log lines when it does not answer within 60 s
 */
export async function startEmbedded(options: { log?: (line: string) => void } = {}): Promise<EmbeddedTarget> {
  const log = options.log ?? (() => undefined);
  const python = await emulatorPython(log);
  const emulator = await startEmulator(python, { region, account });
  const target = describeEmbedded(`http://127.0.0.1:${emulator.port}`);
  log(`emulator ready on ${target.endpoint}`);
  return { ...target, pid: emulator.pid, ended: emulator.ended, stop: () => emulator.stop() };
}

/** A Target for an emulator that some other process started and stops: its `stop` does nothing. */
export function describeEmbedded(endpoint: string): EndpointTarget {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return {
    name: 'embedded',
    endpoint,
    region,
    account,
    polls: 'runner',
    client: { endpoint, region, credentials, useQueueUrlAsEndpoint: false },
    environment: {
      PATH: [binFolder, process.env['PATH'] ?? ''].join(delimiter),
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      // Keeps the caller's own profiles and instance roles out of it.
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    httpUrl: (deployedUrl) => localUrl(endpoint, deployedUrl),
    stop: () => Promise.resolve(),
  };
}
