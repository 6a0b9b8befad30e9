import { createHash } from 'node:crypto';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { required } from './environment.js';
import { PaymentRequest } from './payment.js';

const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
const QueueUrl = required('PAYMENTS_QUEUE_URL');

/** `POST /payments`: takes a payment and puts it on the queue of its customer. The Idempotency-Key is the payment's id. */
export async function handler(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  const paymentId = event.headers['idempotency-key'];
  if (!paymentId || paymentId.length > 255)
    return problem(
      'the Idempotency-Key header must have 1 to 255 characters; send the same one with every retry',
    );
  const request = PaymentRequest.safeParse(parsed(event));
  if (!request.success)
    return problem(
      request.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`).join('; '),
    );
  await sqs.send(
    new SendMessageCommand({
      QueueUrl,
      MessageBody: JSON.stringify({ paymentId, ...request.data }),
      MessageGroupId: request.data.customer,
      // Saves the queue the copies of the next 5 minutes; what comes later or by another road is for the receipt.
      MessageDeduplicationId: createHash('sha256').update(paymentId).digest('hex'),
    }),
  );
  return answer(202, 'application/json', { paymentId, status: 'accepted' });
}

function parsed({ body = '', isBase64Encoded }: APIGatewayProxyEventV2): unknown {
  try {
    return JSON.parse(isBase64Encoded ? Buffer.from(body, 'base64').toString() : body);
  } catch {
    return undefined;
  }
}

/** RFC 9457 problem details. */
function problem(detail: string): APIGatewayProxyStructuredResultV2 {
  return answer(400, 'application/problem+json', {
    type: 'about:blank',
    title: 'Bad Request',
    status: 400,
    detail,
  });
}

function answer(statusCode: number, contentType: string, body: unknown): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { 'content-type': contentType }, body: JSON.stringify(body) };
}
