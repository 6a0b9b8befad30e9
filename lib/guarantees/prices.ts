/**
 * AWS's list prices in US dollars, us-east-1, without free tiers and volume discounts, as of November 2026. Other
 * Regions differ.
 *
 * @see https://aws.amazon.com/sqs/pricing/
 * @see https://aws.amazon.com/lambda/pricing/
 * @see https://aws.amazon.com/dynamodb/pricing/on-demand/
 * @see https://aws.amazon.com/cloudwatch/pricing/
 * @see https://aws.amazon.com/api-gateway/pricing/
 * @see https://aws.amazon.com/eventbridge/pricing/
 * @see https://aws.amazon.com/kms/pricing/
 * @see https://aws.amazon.com/waf/pricing/
 * @see https://aws.amazon.com/fargate/pricing/
 */
export const prices = {
  millionStandardRequests: 0.4,
  /** On top, for requests of a Standard queue whose messages have a MessageGroupId. */
  millionFairRequests: 0.1,
  millionFifoRequests: 0.5,
  millionInvocations: 0.2,
  armGigabyteSecond: 0.0000133334,
  x86GigabyteSecond: 0.0000166667,
  millionWriteUnits: 0.625,
  /** Table storage, and the same bytes again in the continuous backup. */
  gigabyteMonth: 0.25 + 0.2,
  logGigabyte: 0.5,
  millionHttpApiRequests: 1,
  millionRestApiRequests: 3.5,
  millionScheduled: 1,
  /** A month, for each metric that an alarm watches. */
  alarmMonth: 0.1,
  keyMonth: 1,
  webAclMonth: 5,
  fargateArmCoreHour: 0.03238,
  fargateArmGigabyteHour: 0.00356,
} as const;
