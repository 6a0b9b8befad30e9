import { once } from 'node:events';
import { InterruptedError } from './drive-error.js';
import { parseOptions, type RunOptions } from './options.js';
import { outputOf } from './paths/outputs.js';
import { paymentCommand } from './payment-command.js';
import { runProgram, type Surroundings } from './program.js';
import type { Progress } from './progress.js';
import { jsonReport, textReport, verdictOf } from './report.js';
import type { Run } from './run.js';

/** `npm start`. Ends with status 0 when every effect happened exactly once, 1 when not, 2 when it could not run. */
async function main({ progress, undo, signal }: Surroundings): Promise<number> {
  const options = parseOptions(process.argv.slice(2), (text) => process.stdout.write(text));
  if (options === undefined) return 0;
  // Loaded late: a wrong flag is answered without waiting for the SDK.
  const { run } = await import('./run.js');
  const ui = options.ui ? await (await import('./ui/live-ui.js')).startLiveUi(progress, undo) : undefined;
  if (ui !== undefined) progress.line(`the run, live: ${ui.link}`);
  const done = await run(options, ui?.progress ?? progress, undo, signal, ui);
  ui?.ended(done.report, options.keep);
  await print(options.json ? jsonReport(done.report) : textReport(done.report));
  const { writeReport } = await import('./html/write-report.js');
  progress.line(`the page of this run: ${await writeReport(options.report, done.report)}`);
  if (options.keep) await keep(done, options, progress);
  return verdictOf(done.report) === 'exactly-once' ? 0 : 1;
}

async function keep({ target, outputs, alive }: Run, options: RunOptions, progress: Progress): Promise<void> {
  const lines = [
    `kept: ${target.name} at ${target.endpoint ?? `account ${target.account}`} (AWS_ENDPOINT_URL; region ${target.region}, any credentials)`,
    ...Object.entries(outputs).map(([name, value]) => `  ${name} ${value}`),
    'send a payment of your own:',
    ...paymentCommand(target, outputOf(outputs, 'ApiUrl')).map((line) => `  ${line}`),
    `stop it with Ctrl-C here, or kill ${process.pid}: everything goes with it`,
  ];
  for (const line of lines) {
    if (options.json) progress.line(line);
    else await print(line);
  }
  if (!alive.aborted) await once(alive, 'abort');
  if (!(alive.reason instanceof InterruptedError)) throw alive.reason;
}

async function print(text: string): Promise<void> {
  await new Promise<void>((resolve) => process.stdout.write(`${text}\n`, () => resolve()));
}

void runProgram(main);
