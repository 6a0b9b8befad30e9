import { createHash } from 'node:crypto';

const asOfAws = /^shardId-\d{20}-[0-9a-f]{8}$/;

/**
 * An emulator's shard id as AWS writes those of DynamoDB streams: 20 decimal digits and 8 hexadecimal ones. Whoever
 * reads the reports of discarded records, or lists a bucket by their prefix, may hang on it. One that looks like that
 * is passed on as it is; of another one it is always the same.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
export function realisticShardId(shardId: string): string {
  if (asOfAws.test(shardId)) return shardId;
  const hash = createHash('sha256').update(shardId).digest('hex');
  const digits = (BigInt(`0x${hash.slice(0, 16)}`) % 10n ** 13n).toString().padStart(20, '0');
  return `shardId-${digits}-${hash.slice(16, 24)}`;
}
