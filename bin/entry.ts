import { join } from 'node:path';

/** Path of an entry point of the reference stack. */
export function entry(file: string): string {
  return join(__dirname, '..', 'lambdas', file);
}
