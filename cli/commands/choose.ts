import { InvalidArgumentError, type Command } from 'commander';
import { chooseTransport, transportName, type Choice } from '../../lib/channel/choice/choose-transport.js';
import { pinLine } from '../../lib/channel/choice/pin.js';
import { quotasAsOf } from '../../lib/channel/choice/quotas.js';
import { workloadProblems, type Workload } from '../../lib/channel/choice/workload.js';
import { constructText } from '../choose/construct-text.js';
import { questions, type Answers } from '../choose/questions.js';
import { askMissing } from '../choose/ask-missing.js';
import { CliError } from '../cli-error.js';
import { exitWith, print, printJson } from '../output.js';

interface Options extends Partial<Answers> {
  readonly channel: string;
  readonly json?: true;
}

/** Adds `choose`. */
export function addChoose(program: Command): void {
  const command = program
    .command('choose')
    .description(
      'Recommends a kind of queue for a workload, says why with the numbers of both sides, and prints the construct. ' +
        'Asks on a terminal what is not given.',
    );
  for (const { name, flags, text, parse } of questions)
    command.option(flags, text, (value: string) => {
      const answer = parse(value);
      if (answer.problem !== undefined) throw new InvalidArgumentError(answer.problem);
      return name === 'region' ? value : answer.value;
    });
  command
    .option('--channel <path>', 'path of the channel in the app', 'MyStack/Channel')
    .option('--json', 'print the choice as JSON')
    .addHelpText('after', '\nExit codes: 0 a queue holds it, 1 no single queue does, 2 could not run.')
    .action(async ({ channel, json, ...given }: Options) => {
      const workload = workloadOf(await askMissing(given));
      const [problem] = workloadProblems(workload);
      if (problem !== undefined)
        throw new CliError(`${problem.field} is ${problem.given}, must be ${problem.allowed}`);
      const choice = chooseTransport(workload);
      if (choice.transport === undefined) exitWith(1);
      if (json) printJson({ quotasAsOf, workload, ...choice });
      else print(textOf(choice, workload, channel));
    });
}

function workloadOf(answers: Answers): Workload {
  const { ordered, versioned, peak, busiestGroup, size, region, consumerTime, sendBatch } = answers;
  return {
    ...{ ordered, versioned, region, sendBatch },
    peakPerSecond: peak,
    busiestGroupPerSecond: busiestGroup,
    messageBytes: size,
    consumerMs: consumerTime,
    consumerBatch: 10,
  };
}

function textOf(choice: Choice, workload: Workload, channel: string): string {
  const { transport, fair, reasons, needs } = choice;
  const kind = transport === undefined ? 'none' : `${transportName(transport)}${fair ? ', fair' : ''}`;
  return [
    `recommended: ${kind} (quotas of ${quotasAsOf})`,
    ...reasons.map((reason) => `  ${reason}`),
    ...needs.map((need) => `  needs ${need}`),
    ...(transport === undefined
      ? []
      : [
          '',
          'to paste:',
          '',
          constructText(transport, workload, channel),
          '',
          'to write down once, into the context of cdk.json, so that no other number replaces the queue:',
          '',
          pinLine(channel, transport),
        ]),
  ].join('\n');
}
