import type { SQSClient } from '@aws-sdk/client-sqs';
import { context, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { SQSRecord } from 'aws-lambda';
import { FollowingContext } from '../fixtures/following-context.js';
import { drain, record } from '../fixtures/queue.js';

/** Spans that have ended. */
export const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
export const tracer = provider.getTracer('test');

export function startTracing(): void {
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new FollowingContext());
}

export function stopTracing(): void {
  trace.disable();
  context.disable();
}

/** The first span that has ended whose name starts so. */
export const spanOf = (start: string) => {
  const span = exporter.getFinishedSpans().find(({ name }) => name.startsWith(start));
  if (span === undefined) throw new Error(`no span ${start}`);
  return span;
};

/** A message that was really sent, as Lambda hands it over. */
export async function delivered(queue: SQSClient, url: string): Promise<SQSRecord[]> {
  return (await drain(queue, url)).map(({ Body, MessageAttributes = {}, Attributes = {} }) => ({
    ...record({ body: Body, group: 'g' }),
    attributes: { ...record({ body: '', group: 'g' }).attributes, AWSTraceHeader: Attributes.AWSTraceHeader },
    messageAttributes: Object.fromEntries(
      Object.entries(MessageAttributes).map(([name, { StringValue }]) => [
        name,
        { stringValue: StringValue, dataType: 'String' as const },
      ]),
    ),
  }));
}
