import { LocalTargetError } from '../local-target-error.js';

/** The package that brings Postgres is not installed for this machine. */
export class PostgresMissingError extends LocalTargetError {
  override readonly name = 'PostgresMissingError';
}

/** Postgres never answered. */
export class PostgresStartError extends LocalTargetError {
  override readonly name = 'PostgresStartError';
}
