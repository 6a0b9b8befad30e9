import { LocalTargetError } from './local-target-error.js';

/**
 * Base of everything that choosing a target throws: one sentence that says what to do. Nothing was started or sent.
 */
export class TargetError extends LocalTargetError {
  override readonly name: string = 'TargetError';
}

/** Flags that do not go together. */
export class TargetOptionsError extends TargetError {
  override readonly name = 'TargetOptionsError';
}

/** No credentials where they were looked for. */
export class CredentialsMissingError extends TargetError {
  override readonly name = 'CredentialsMissingError';
}

/** The target knows the credentials but refuses them, or does not know them. */
export class CredentialsRefusedError extends TargetError {
  override readonly name = 'CredentialsRefusedError';
  constructor(
    /** Host that refused them. */
    readonly host: string,
    readonly status: number,
    hint: string,
  ) {
    super(`${host} refused the credentials with status ${status}: ${hint}`);
  }
}

/** The AWS SDK found no Region. */
export class RegionMissingError extends TargetError {
  override readonly name = 'RegionMissingError';
}

/** Nothing answers at the endpoint, or what answers has a certificate that is not trusted. */
export class EndpointUnreachableError extends TargetError {
  override readonly name = 'EndpointUnreachableError';
  constructor(
    readonly endpoint: string,
    /** What the connection ended with, such as `ECONNREFUSED`. */
    readonly reason: string,
    hint: string,
    options?: ErrorOptions,
  ) {
    super(`${endpoint} is not reachable (${reason}): ${hint}`, options);
  }
}

/** The file given with `--ca` is missing or holds no certificate. */
export class CertificateFileError extends TargetError {
  override readonly name = 'CertificateFileError';
  constructor(
    readonly file: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file}, given as the CA certificate, ${problem}: give a PEM file with --ca`, options);
  }
}

/** The user's own settings would send a run for AWS to another place. */
export class EndpointConfiguredError extends TargetError {
  override readonly name = 'EndpointConfiguredError';
  constructor(readonly variable: string) {
    super(
      `${variable} is set, and --target aws never uses an endpoint: unset it, or use --target endpoint --endpoint URL`,
    );
  }
}

/** The question about the cost was answered with no, or there was nobody to ask. */
export class NotConfirmedError extends TargetError {
  override readonly name = 'NotConfirmedError';
}

/** The target already has a stack of this name, whose data a run would mix with its own and delete at its end. */
export class StackExistsError extends TargetError {
  override readonly name = 'StackExistsError';
  constructor(
    readonly stackName: string,
    readonly status: string,
  ) {
    super(
      `the target already has a stack ${stackName} (${status}), and a run deletes what it deploys: use another account or Region, or delete that stack first if nothing in it matters`,
    );
  }
}

/** The target answered a question about the account or the stack in a way that was not understood. */
export class TargetAnswerError extends TargetError {
  override readonly name = 'TargetAnswerError';
  constructor(
    readonly action: string,
    readonly status: number,
    readonly body: string,
  ) {
    super(`${action} was answered with status ${status}: see the answer below\n${body.slice(0, 500)}`);
  }
}
