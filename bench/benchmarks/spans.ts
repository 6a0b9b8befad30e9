import { context, trace } from '@opentelemetry/api';
import { BasicTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { SQSRecord } from 'aws-lambda';
import { sqsNaturalConsumer, type SqsConsumer } from '../../runtime/sqs/index.js';
import { spanObserver, traced } from '../../runtime/telemetry/index.js';
import { FollowingContext } from '../../test/fixtures/following-context.js';
import type { Benchmark } from '../benchmark.js';
import { deliver } from '../delivery.js';
import { Payment, Producer } from '../message.js';
import { rowsOf, type Sample } from '../row.js';

const batchesPerSlice = 200;
const slices = 10;
const warmUpSlices = 3;

export const spans: Benchmark = {
  name: 'spans',
  about: `a batch of ten through a consumer whose handler does nothing, with \`traced\` and \`spanObserver\`, against the same without them: mean of ${slices * batchesPerSlice} batches`,
  notMeasured: [
    'exporting spans, which costs more than making them and is the exporter’s',
    'DynamoDB: a batch that commits takes milliseconds',
  ],
  usesEngine: false,
  async run({ runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const ofRun: Sample[] = [];
      ofRun.push(await sample('no tracer provider'));
      ofRun.push(await recording(() => sample('every batch is sampled, with ten links')));
      samples.push(ofRun);
      log(`spans: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, 'without spans') };
  },
};

/** Both sides in turn, slice by slice: what is compiled meanwhile serves both. */
async function sample(name: string): Promise<Sample> {
  const withSpans = traced(consumer(spanObserver(() => undefined)));
  const without = consumer(() => undefined);
  const spent = { ours: 0, peer: 0 };
  for (let slice = -warmUpSlices; slice < slices; slice += 1) {
    const [ours, peer] = [await microseconds(withSpans), await microseconds(without)];
    if (slice < 0) continue;
    spent.ours += ours / slices;
    spent.peer += peer / slices;
  }
  return { measure: 'time per batch', case: name, unit: 'µs', ...spent };
}

function consumer(observe: Parameters<typeof sqsNaturalConsumer>[0]['observe']): SqsConsumer {
  return sqsNaturalConsumer({
    settings: { consumerName: 'bench', deadLetterQueueUrl: 'http://127.0.0.1:1/none' },
    schema: Payment,
    handle: () => undefined,
    observe,
  });
}

async function microseconds(handler: SqsConsumer): Promise<number> {
  const records = new Producer().batch(Array<string>(10).fill('account'), 'Standard').map(withTrace);
  const began = performance.now();
  for (let i = 0; i < batchesPerSlice; i += 1) {
    const failed = await deliver(handler, records);
    if (failed.length > 0) throw new Error('a batch failed in a benchmark without faults');
  }
  return ((performance.now() - began) * 1000) / batchesPerSlice;
}

function withTrace(record: SQSRecord, index: number): SQSRecord {
  const stringValue = `00-${'ab'.repeat(16)}-${String(index + 1).padStart(16, '0')}-01`;
  return { ...record, messageAttributes: { traceparent: { stringValue, dataType: 'String' } } };
}

/** With a provider that keeps nothing of a span when it has ended. */
async function recording<T>(work: () => Promise<T>): Promise<T> {
  const done = () => Promise.resolve();
  const dropping: SpanProcessor = {
    onStart: () => undefined,
    onEnd: () => undefined,
    forceFlush: done,
    shutdown: done,
  };
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [dropping] }));
  context.setGlobalContextManager(new FollowingContext());
  try {
    return await work();
  } finally {
    trace.disable();
    context.disable();
  }
}
