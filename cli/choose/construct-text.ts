import type { Transport } from '../../lib/channel/choice/choose-transport.js';
import { propsText } from '../../lib/channel/choice/pin.js';
import type { Workload } from '../../lib/channel/choice/workload.js';

/** The module to paste: a channel of that kind, its table of receipts and its consumer, in a stack. */
export function constructText(transport: Transport, workload: Workload, path: string): string {
  const id = path.split('/').at(-1) ?? path;
  const byVersion = workload.ordered && transport === 'STANDARD';
  const wayLine = byVersion ? '    commitWay: CommitWay.AGGREGATE,\n' : '';
  const names = [
    'ChannelKind',
    ...(byVersion ? ['CommitWay'] : []),
    'DedupTable',
    'IdempotentConsumer',
    'MessageChannel',
  ];
  return `import { Duration, Size, type Stack } from 'aws-cdk-lib';
import { ${names.join(', ')} } from 'exactly-once-aws';

export function addChannel(stack: Stack, entry: string) {
  const channel = new MessageChannel(stack, ${quoted(id)}, {
    ${propsText(transport)},
    workload: {
      ordered: ${workload.ordered},
      versioned: ${workload.versioned},
      peakMessagesPerSecond: ${workload.peakPerSecond},
      busiestGroupMessagesPerSecond: ${workload.busiestGroupPerSecond},
      consumerTimePerMessage: Duration.millis(${workload.consumerMs}),
      messageSize: Size.bytes(${workload.messageBytes}),
      sendBatchSize: ${workload.sendBatch},
    },
  });
  return new IdempotentConsumer(stack, ${quoted(`${id}Consumer`)}, {
    consumerName: ${quoted(id.toLowerCase().replace(/[^a-z0-9_.-]/g, '-'))},
    channel,
    dedupTable: new DedupTable(stack, ${quoted(`${id}Dedup`)}),
${wayLine}    entry,
  });
}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
