import { LocalTargetError } from '../local-target-error.js';

/** Base of what the event-source runner throws. */
export class EventSourceError extends LocalTargetError {
  override readonly name: string = 'EventSourceError';
}

/** A deployed mapping has settings that AWS refuses but the target accepted. */
export class MappingInvalidError extends EventSourceError {
  override readonly name = 'MappingInvalidError';
  constructor(
    readonly uuid: string,
    readonly problems: readonly string[],
  ) {
    super(`event source mapping ${uuid} would be refused by AWS: ${problems.join('; ')}`);
  }
}

/** A function of a mapping cannot be invoked. */
export class FunctionNotActiveError extends EventSourceError {
  override readonly name = 'FunctionNotActiveError';
  constructor(
    readonly functionArn: string,
    /** `Pending`: it took too long. `Failed`: it could not be made. */
    readonly state: string,
    readonly reason: string | undefined,
  ) {
    super(
      `function ${functionArn} is ${state}, must be Active before its mapping is played: ${reason ?? 'no reason is given'}; deploy it again, or wait`,
    );
  }
}

/** The target's own poller and this runner would both read the queue: what is counted would mean nothing. */
export class MappingEnabledError extends EventSourceError {
  override readonly name = 'MappingEnabledError';
  constructor(
    readonly uuid: string,
    readonly state: string,
  ) {
    super(`event source mapping ${uuid} is ${state}, it must stay disabled while the runner plays it`);
  }
}

/** The runner no longer plays a mapping: the target stopped answering, or the caller's `onInvocation` threw. */
export class RunnerStoppedError extends EventSourceError {
  override readonly name = 'RunnerStoppedError';
  constructor(
    /** Of the queue or the stream. */
    readonly sourceArn: string,
    cause: unknown,
  ) {
    super(`the event-source runner stopped reading ${sourceArn}: ${String(cause)}`, { cause });
  }
}
