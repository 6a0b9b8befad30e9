import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { answerMark } from './answer-mark.js';

/** What is used of a Lambda function for Kafka. */
interface LambdaFunction {
  readonly handler: (event: unknown, context: object) => Promise<unknown>;
}

const timeoutMs = 30_000;

/**
 * An instance of a Lambda function, as a process: events come as lines of standard input, and standard output gets an
 * answer for each.
 */
const [, , file = ''] = process.argv;
const { handler } = createRequire(file)(file) as LambdaFunction;

createInterface({ input: process.stdin }).on('line', (line) => {
  const ends = Date.now() + timeoutMs;
  void handler(JSON.parse(line), { getRemainingTimeInMillis: () => ends - Date.now() }).then(
    (answer) => process.stdout.write(`${answerMark}${JSON.stringify(answer)}\n`),
    (error: unknown) => {
      process.stderr.write(`the function failed: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
