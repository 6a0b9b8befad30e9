import { InvalidArgumentError, type Command } from 'commander';
import { runChecks } from '../conformance/suite.js';
import { signerOf } from '../conformance/sign.js';
import { Subject } from '../conformance/subject.js';
import { exitWith, print, printJson, progressLine, tableText } from '../output.js';

type Header = readonly [name: string, value: string];

interface Options {
  readonly body: string;
  readonly otherBody: string;
  readonly method: string;
  readonly header: readonly Header[];
  readonly otherHeader?: readonly Header[];
  readonly sign?: string;
  readonly timeout: number;
  readonly json?: true;
}

/** Adds `conformance`. */
export function addConformance(program: Command): void {
  program
    .command('conformance')
    .description(
      'Checks any HTTP API against the Idempotency-Key draft (draft-ietf-httpapi-idempotency-key-header-07). ' +
        'It makes some 50 requests that act: not for production.',
    )
    .argument(
      '<url>',
      'of an operation that acts and answers every request differently, such as with a new id',
      absoluteUrl,
    )
    .requiredOption('--body <json>', 'a body that the operation takes')
    .requiredOption('--other-body <json>', 'another one')
    .option('--method <method>', 'of the operation', 'POST')
    .option('--header <name: value>', 'sent with every request; may be repeated', header, [])
    .option('--other-header <name: value>', 'makes a request another caller’s; may be repeated', header)
    .option('--sign <region>', 'sign requests (SigV4, execute-api) with the credentials in the environment')
    .option('--timeout <seconds>', 'longest wait for an answer', seconds, 30)
    .option('--json', 'print the results as JSON')
    .addHelpText('after', '\nExit codes: 0 all checks pass or are skipped, 1 some fail, 2 could not run.')
    .action(async (url: URL, options: Options) => {
      const { body, otherBody, method, header: headers, otherHeader: otherHeaders } = options;
      const typed = headers.some(([name]) => name.toLowerCase() === 'content-type');
      const subject = new Subject({
        url,
        method: method.toUpperCase(),
        headers: typed ? headers : [['Content-Type', 'application/json'], ...headers],
        otherHeaders,
        body,
        otherBody,
        signer: options.sign === undefined ? undefined : signerOf(options.sign, process.env),
        timeoutMs: options.timeout * 1000,
      });
      const progress = progressLine();
      const results = await runChecks(subject, (title) => progress.now(title)).finally(() => progress.end());
      const count = (result: string) => results.filter((one) => one.result === result).length;
      const figures = { passed: count('pass'), failed: count('fail'), skipped: count('skip') };
      if (figures.failed > 0) exitWith(1);
      if (options.json) {
        printJson({ url: url.href, ...figures, checks: results });
        return;
      }
      print(
        tableText(
          results.map(({ number, result, section, title, detail = '' }) => ({
            '#': number,
            RESULT: result,
            SECTION: section,
            CHECK: title,
            DETAIL: detail,
          })),
        ),
      );
      print(`\n${figures.passed} passed, ${figures.failed} failed, ${figures.skipped} skipped`);
    });
}

function absoluteUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new InvalidArgumentError(`must begin with http:// or https://, got '${text}'`);
  return url;
}

function header(text: string, before: readonly Header[] = []): readonly Header[] {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError(`must be 'name: value', got '${text}'`);
  return [...before, [name, value]];
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError(`must be a number above 0, got '${text}'`);
  return value;
}
