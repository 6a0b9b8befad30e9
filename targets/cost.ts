/**
 * AWS's list prices in US dollars, us-east-1, November 2026, without free tiers. Other Regions differ.
 *
 * @see https://aws.amazon.com/api-gateway/pricing/
 * @see https://aws.amazon.com/sqs/pricing/
 * @see https://aws.amazon.com/lambda/pricing/
 * @see https://aws.amazon.com/dynamodb/pricing/on-demand/
 * @see https://aws.amazon.com/cloudwatch/pricing/
 */
const perMillion = {
  httpApiRequest: 1,
  fifoRequest: 0.5,
  /** With a MessageGroupId. */
  fairRequest: 0.5,
  invocation: 0.2,
  writeUnit: 0.625,
  readUnit: 0.125,
};
const armGigabyteSecond = 0.0000133334;
const logGigabyte = 0.5;

/** One payment and the two activity events that go with it, each alone in its batch: the dearest way. */
const perMessage = {
  httpApiRequests: 1,
  /** Send, receive, delete. */
  fifoRequests: 3,
  fairRequests: 6,
  /** Accept, settlement, counting twice: 256 MB for 50 ms each. */
  invocations: 4,
  gigabyteSeconds: 4 * 0.25 * 0.05,
  /** Three effects and a receipt, and twice one effect and a receipt, in transactions. */
  writeUnits: 16,
  /** Receipts read before a batch, and the audit's scan. */
  readUnits: 4,
  logBytes: 3000,
};

/** Requests and messages that faults add: retries, copies on the queue, redeliveries. */
const faultShare = 1.3;

/**
 * What a run may cost at most in US dollars: it counts each message as alone in its batch, and a third more of them
 * for the faults. Storage is left out: the stack goes with the run.
 */
export function runCost(messages: number): number {
  const m = perMessage;
  const millions = (messages * faultShare) / 1e6;
  const each =
    m.httpApiRequests * perMillion.httpApiRequest +
    m.fifoRequests * perMillion.fifoRequest +
    m.fairRequests * perMillion.fairRequest +
    m.invocations * perMillion.invocation +
    m.gigabyteSeconds * 1e6 * armGigabyteSecond +
    m.writeUnits * perMillion.writeUnit +
    m.readUnits * perMillion.readUnit +
    ((m.logBytes * 1e6) / 1e9) * logGigabyte;
  return each * millions;
}

/** At least a cent, rounded up. */
export function costText(messages: number): string {
  return `$${(Math.max(1, Math.ceil(runCost(messages) * 100)) / 100).toFixed(2)}`;
}
