import { Duration } from 'aws-cdk-lib';
import { atLeast, type Inequality } from '../guarantees/inequality.js';

/** An HTTP API ends an integration after 30 seconds, a REST API after 29. */
const longestAnswer = Duration.seconds(29);

/**
 * What runs behind API Gateway has to answer before it gives up.
 *
 * @param prevents what happens otherwise
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
 */
export function answersBeforeTheGateway(timeout: Duration, prevents: string): Inequality | undefined {
  return atLeast(
    {
      id: 'answer-before-the-gateway',
      prevents,
      change: 'lower `timeout`, and do what takes longer behind a queue',
    },
    { name: 'longest wait of API Gateway', value: longestAnswer },
    { name: 'timeout', value: timeout },
  );
}
