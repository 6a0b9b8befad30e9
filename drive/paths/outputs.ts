import { DriveError } from '../drive-error.js';

/**
 * A stack's output by name.
 *
 * @throws DriveError when the stack has none of this name
 */
export function outputOf(outputs: Readonly<Record<string, string>>, name: string): string {
  const value = outputs[name];
  if (value === undefined || value === '')
    throw new DriveError(
      `the deployed stack has no output ${name}, only ${Object.keys(outputs).join(', ')}: add it in bin/`,
    );
  return value;
}
