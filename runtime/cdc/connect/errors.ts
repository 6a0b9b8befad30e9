import { ExactlyOnceError, type Fault } from '../../dedup/error.js';

/** The worker did not come up, or ended. */
export class ConnectEnded extends ExactlyOnceError {
  override name = 'ConnectEnded';
  override readonly fault: Fault = 'dependency';
  override readonly isWithoutData = true;
}

/** Connect's REST API does not answer, or refuses what it was asked for. */
export class ConnectRefused extends ExactlyOnceError {
  override name = 'ConnectRefused';
  override readonly fault: Fault = 'dependency';
  constructor(
    /** Undefined: no answer. */
    readonly status: number | undefined,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(problem, options);
  }
}

/** The connector, or its task, has failed again each time it was started in this worker. */
export class ConnectorFailed extends ExactlyOnceError {
  override name = 'ConnectorFailed';
  override readonly fault: Fault = 'dependency';
  constructor(
    readonly connector: string,
    /** The first lines of what it says. May hold names of the database. */
    readonly trace: string,
    times: number,
  ) {
    super(
      `connector '${connector}' has failed ${times} times; the worker ends, so that another one begins with the secrets of now: ${trace}`,
    );
  }
}
