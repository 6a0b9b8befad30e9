/** What the first numbers seen on real queues look like: 20 digits, above 2^64. */
const base = 18_849_496_460_467_696_128n;
const step = 256n;

/**
 * An emulator's sequence number as AWS would have written it: 20 digits, above 2^64, with gaps, in the same order.
 * A number that already looks like that (a real queue's) is passed on as it is.
 *
 * Emulators count 1, 2, 3. Code that keeps sequence numbers in JavaScript numbers or 64-bit integers works with
 * those, and takes two messages for one on AWS, whose numbers have 128 bits:
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
 */
export function realisticSequenceNumber(sequenceNumber: string): string {
  const number = BigInt(sequenceNumber);
  if (number >= 2n ** 64n) return sequenceNumber;
  // LocalStack counts from the time: times 256 its numbers would have 22 digits.
  return (number < 2n ** 48n ? base + step * number : base + 2n ** 64n + number).toString();
}
