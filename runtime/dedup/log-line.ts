import { stdout } from 'node:process';

/**
 * Writes one JSON line to standard output. Raw: Lambda's text format puts a time stamp before what `console.log` gets, and CloudWatch's
 * metric filters and embedded metrics would not read the line as JSON any more.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
 */
export function logLine(line: object): void {
  stdout.write(`${JSON.stringify(line)}\n`);
}
