import { PassThrough } from 'node:stream';
import { askMissing } from '../../cli/choose/ask-missing.js';
import { constructText } from '../../cli/choose/construct-text.js';
import { transports } from '../../lib/channel/choice/pin.js';
import { compileSamples } from '../docs/compile-samples.js';
import { run } from './command.js';

const all = ['--ordered', 'yes', '--peak', '5000', '--busiest-group', '5', '--consumer-time', '40'];

test('recommends, says why with the numbers of both sides, and prints the construct and what to write down', async () => {
  const { status, stdout } = await run(
    'choose',
    ...all,
    '--region',
    'eu-west-1',
    '--channel',
    'Shop/Payments',
  );
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^recommended: high-throughput FIFO \(quotas of \d{4}-\d\d-\d\d\)\n {2}not FIFO: 5,000 needed, of 300/,
  );
  expect(stdout).toContain(
    "new MessageChannel(stack, 'Payments', {\n    kind: ChannelKind.FIFO, highThroughput: true,",
  );
  expect(stdout).toContain('"exactly-once-aws:channels": {"Shop/Payments":"HIGH_THROUGHPUT_FIFO"}');
});

test('without a terminal it asks nothing and names every flag that is missing', async () => {
  const { status, stderr } = await run('choose', '--ordered', 'no');
  expect(status).toBe(2);
  expect(stderr).toContain(
    'give --peak <n>, --busiest-group <n>, --consumer-time <ms>: there is no terminal',
  );
});

test('what is no number is refused, and so is a group that is busier than all', async () => {
  expect((await run('choose', ...all, '--size', 'big')).stderr).toContain(
    "must be a number above 0, got 'big'",
  );
  expect((await run('choose', ...all, '--busiest-group', '6000')).stderr).toContain('must be at most 5000');
});

test('ends with 1 where no single queue holds it', async () => {
  const { status, stdout } = await run('choose', ...all, '--consumer-time', '9000', '--json');
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).not.toHaveProperty('transport');
});

test('on a terminal it asks what is not given, and again what it cannot read', async () => {
  const input = Object.assign(new PassThrough(), { isTTY: true }) as unknown as NodeJS.ReadStream;
  const output = Object.assign(new PassThrough(), { isTTY: true }) as unknown as NodeJS.WriteStream;
  const asked: string[] = [];
  const replies = ['', 'many', '700', '', '25', '', '', 'eu-west-2'];
  output.on('data', (chunk: Buffer) => {
    asked.push(String(chunk));
    if (String(chunk).endsWith('? '))
      setImmediate(() => (input as unknown as PassThrough).write(`${replies.shift()}\n`));
  });
  expect(await askMissing({ ordered: true }, { input, output })).toEqual({
    ordered: true,
    versioned: false,
    peak: 700,
    busiestGroup: 700,
    consumerTime: 25,
    size: 4096,
    sendBatch: 1,
    region: 'eu-west-2',
  });
  expect(asked.join('')).toContain("must be a number above 0, got 'many'");
});

test('what it prints to paste compiles, for every kind', () => {
  const workload = {
    ...{ ordered: true, versioned: true, peakPerSecond: 2.5, busiestGroupPerSecond: 1, messageBytes: 1000 },
    ...{ region: undefined, consumerMs: 10, sendBatch: 10, consumerBatch: 10 },
  };
  const blocks = transports.map((transport, line) => ({
    file: 'printed.md',
    line,
    code: constructText(transport, workload, "Shop/O'Hara"),
  }));
  expect(compileSamples(blocks)).toEqual([]);
});
