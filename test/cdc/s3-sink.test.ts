import type { S3Client } from '@aws-sdk/client-s3';
import { s3Sink } from '../../runtime/cdc/index.js';
import { emptied, heldIn, linesIn, newBucket, s3 } from './lake.js';
import { sinkFaultContract } from './fault-contract.js';
import { sinkContract, type OpenedSink } from './sink-contract.js';

const client = s3();
afterAll(() => client.destroy());

sinkContract('the S3 sink', open, {
  keeps: 'changes',
  refusedRow: { id: 'large', v: 'x'.repeat(2_000) },
  meetsItsLoss: false,
});

sinkFaultContract('the S3 sink', open, {
  refused: [['that is too large', { id: 'w', v: 'x'.repeat(2_000) }, 'RowTooLarge']],
  wider: { id: 'w', v: 'x', extra: 1 },
});

async function open(): Promise<OpenedSink> {
  const bucket = await newBucket(client);
  const options = { name: 'lake', bucket, prefix: 'payments/', maxLineBytes: 2_000 };
  return {
    topic: 'shop.public.payments',
    sink: ({ loseAnswers = 0 } = {}) => s3Sink({ ...options, client: losing(client, loseAnswers) }),
    unusable: () => s3Sink({ ...options, bucket: 'no-such-bucket', client }),
    held: async () => heldIn(await linesIn(client, bucket)),
    clear: () => emptied(client, bucket),
    close: () => Promise.resolve(),
  };
}

/** Puts are made, and the next so many answers are lost. */
function losing(real: S3Client, answers: number): S3Client {
  let left = answers;
  return {
    send: async (command: Parameters<S3Client['send']>[0]) => {
      const answer: unknown = await real.send(command as never);
      if (command.constructor.name !== 'PutObjectCommand' || left === 0) return answer;
      left -= 1;
      throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    },
  } as unknown as S3Client;
}
