import type { Transport } from './choose-transport.js';

/** Context of the app in which decisions are written down: an object from the path of a channel to its transport. */
export const pinKey = 'exactly-once-aws:channels';

export const transports: readonly Transport[] = ['FIFO', 'HIGH_THROUGHPUT_FIFO', 'STANDARD'];

/** What is to be written into the context of cdk.json. */
export function pinLine(path: string, transport: Transport): string {
  return `"${pinKey}": ${JSON.stringify({ [path]: transport })}`;
}

/** The props that state a kind, as they are written. */
export function propsText(transport: Transport): string {
  return {
    FIFO: 'kind: ChannelKind.FIFO',
    HIGH_THROUGHPUT_FIFO: 'kind: ChannelKind.FIFO, highThroughput: true',
    STANDARD: 'kind: ChannelKind.STANDARD',
  }[transport];
}
