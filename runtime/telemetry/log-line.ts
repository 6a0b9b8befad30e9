import { warnOfOldNode } from './node-version.js';

// Nearly every entry point has this module.
warnOfOldNode();

/**
 * Writes one JSON line to standard output. Raw: Lambda's text format puts a time stamp before what `console.log`
 * gets, and CloudWatch's metric filters and embedded metrics would not read the line as JSON any more. By the global,
 * because an import of node:process reads all that it has, and makes every standard stream, at the start of each
 * instance.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
 */
export function logLine(line: object): void {
  // eslint-disable-next-line no-restricted-globals -- the output, not the environment
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
