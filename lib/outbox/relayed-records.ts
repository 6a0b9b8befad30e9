import { FilterCriteria } from 'aws-cdk-lib/aws-lambda';

/**
 * Which records of the table's stream the relay is called for: events, those of the first release to be told of, and
 * its own ticks, which show that the stream is on. Marks, expiries and what the relay notes for itself call nobody.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
 */
export function relayedRecords(): Record<string, unknown>[] {
  const inserted = (dynamodb: Record<string, unknown>): Record<string, unknown> =>
    FilterCriteria.filter({ eventName: ['INSERT'], dynamodb });
  return [
    inserted({ NewImage: { data: { S: [{ exists: true }] } } }),
    inserted({ NewImage: { event: { S: [{ exists: true }] } } }),
    inserted({ Keys: { stream: { S: [{ prefix: '["tick",' }] } } }),
  ];
}
