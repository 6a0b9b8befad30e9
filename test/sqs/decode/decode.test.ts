import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod/mini';
import {
  base64,
  decoded,
  DependencyFailed,
  gunzip,
  ignore,
  IgnoreMessage,
  s3Notification,
  s3Payload,
  snsEnvelope,
  type Decode,
} from '../../../runtime/sqs/index.js';
import { decodeBody } from '../../../runtime/consumer/decode/decode-body.js';
import { embedded } from '../../fixtures/embedded.js';
import { record } from '../../fixtures/queue.js';
import { client, decodingWorld, queue } from './decoding-world.js';

const s3 = new S3Client({ ...embedded().client, forcePathStyle: true });
afterAll(() => {
  for (const one of [client, queue, s3]) one.destroy();
});

const order = (id = 'o1', cents = 5) => ({ id, cents });
const text = JSON.stringify(order());
const inBase64 = (given: string | Uint8Array) => Buffer.from(given).toString('base64');
const undecodable = 'body is no text in UTF-8 once it is decoded';

describe('bodies in an encoding', () => {
  test.each<[string, Decode | Decode[], string[]]>([
    [
      'base64, with line breaks, without padding, and plain',
      base64(),
      [
        inBase64(text),
        `${inBase64(text).slice(0, 8)}\r\n${inBase64(text).slice(8)}\n`,
        inBase64(text).replaceAll('=', ''),
        text,
      ],
    ],
    [
      'gzip in base64, and plain',
      gunzip(),
      [inBase64(gzipSync(text)), inBase64(gzipSync(text, { level: 1 })), text],
    ],
    [
      'gzip in base64 in two steps, base64 alone, and plain',
      [base64(), gunzip()],
      [inBase64(gzipSync(text)), inBase64(text), text],
    ],
    ['a byte order mark', [base64(), gunzip()], [`\uFEFF${text}`, inBase64(`\uFEFF${text}`), text]],
    [
      'whatever a function of the user takes',
      (given) => given.replace('order:', ''),
      [`order:${text}`, text],
    ],
    [
      'JSON that the function has parsed itself',
      (given) => JSON.parse(given) as { id: string },
      [text, ` ${text}`],
    ],
  ])('%s: acts once', async (_what, decode, bodies) => {
    const { run, acted, letters } = await decodingWorld(decode);
    for (const body of bodies) expect(await run(record({ body }))).toEqual([]);
    expect(await letters()).toEqual([]);
    expect(await acted()).toBe(1);
  });

  test.each<[string, Decode | Decode[], string, string]>([
    [
      'bytes that are no text',
      base64(),
      inBase64(Uint8Array.of(0xff, 0xfe, 0)),
      `RejectMessage: ${undecodable}`,
    ],
    ['base64 of no JSON', base64(), inBase64('hello'), 'RejectMessage: body is not JSON'],
    ['no base64 and no JSON', [base64(), gunzip()], '<order id="a"/>', 'RejectMessage: body is not JSON'],
    [
      'gzip that is cut off',
      gunzip(),
      inBase64(gzipSync(text).subarray(0, 15)),
      'RejectMessage: the body is gzip that is broken or cut off',
    ],
    [
      'gzip of more than is allowed',
      gunzip(),
      inBase64(gzipSync(Buffer.alloc(17 * 1024 * 1024))),
      'TooLargeToDecode: the decoded body has more than 16777216 bytes',
    ],
  ])(
    '%s: kept as it came among the dead letters, and its neighbours act',
    async (_what, decode, body, reason) => {
      const { run, acted, letters } = await decodingWorld(decode);
      expect(await run(record({ body: order('1') }), record({ body }), record({ body: order('2') }))).toEqual(
        [],
      );
      expect(await acted()).toBe(2);
      expect(await letters()).toEqual([{ body, reason: expect.stringContaining(reason) as string }]);
    },
  );
});

describe('payloads in S3', () => {
  const names = [
    'software.amazon.payloadoffloading.PayloadS3Pointer',
    'com.amazon.sqs.javamessaging.MessageS3Pointer',
  ];
  const pointer = (s3BucketName: string, s3Key: string, name = names[0]) => [name, { s3BucketName, s3Key }];
  const sized = { ExtendedPayloadSize: { dataType: 'Number' as const, stringValue: '300000' } };
  const bucketWith = async (objects: Record<string, string | Uint8Array>) => {
    const Bucket = `b-${randomUUID()}`;
    await s3.send(new CreateBucketCommand({ Bucket }));
    for (const [Key, Body] of Object.entries(objects))
      await s3.send(new PutObjectCommand({ Bucket, Key, Body }));
    return Bucket;
  };

  test('one payload under two pointers, through SNS, and in the body acts once', async () => {
    const bucket = await bucketWith({ a: text, b: text });
    const { run, acted, letters } = await decodingWorld([snsEnvelope(), s3Payload({ client: s3 })]);
    const bodies = [
      pointer(bucket, 'a'),
      pointer(bucket, 'b', names[1]),
      { Type: 'Notification', TopicArn: 't', MessageId: 'm', Message: JSON.stringify(pointer(bucket, 'a')) },
      order(),
    ];
    for (const body of bodies) expect(await run(record({ body, messageAttributes: sized }))).toEqual([]);
    expect(await letters()).toEqual([]);
    expect(await acted()).toBe(1);
  });

  test('a payload that is gone, too large or elsewhere: the pointer is kept among the dead letters', async () => {
    const bucket = await bucketWith({ big: 'x'.repeat(2000), a: text });
    const decode = s3Payload({ client: s3, buckets: [bucket, 'none'], maxBytes: 1000 });
    const { run, acted, letters } = await decodingWorld(decode);
    const bodies = [
      pointer(bucket, 'gone'),
      pointer('none', 'a'),
      pointer(bucket, 'big'),
      pointer('others', 'a'),
    ];
    for (const body of bodies)
      expect(await run(record({ body }), record({ body: pointer(bucket, 'a') }))).toEqual([]);
    expect(await acted()).toBe(1);
    const found = await letters();
    expect(found.map(({ body }) => body)).toEqual(bodies.map((body) => JSON.stringify(body)));
    expect(found.map(({ reason }) => reason)).toEqual([
      'RejectMessage: the payload is not in S3: NoSuchKey',
      'RejectMessage: the payload is not in S3: NoSuchBucket',
      expect.stringMatching(/^TooLargeToDecode: the decoded body has more than 1000 bytes/),
      'RejectMessage: the payload is in a bucket that is not one of `buckets`',
    ]);
  });

  test('S3 that does not answer is no fault of the message: it comes again as often as it takes, then acts', async () => {
    const bucket = await bucketWith({ a: text });
    const away = new S3Client({ ...embedded().client, endpoint: 'http://127.0.0.1:9', maxAttempts: 1 });
    let now = away;
    const decode: Decode = (given, context) => s3Payload({ client: now })(given, context);
    const { run, acted, letters, summaries } = await decodingWorld(decode);
    for (let receiveCount = 1; receiveCount <= 8; receiveCount += 1)
      expect(
        await run(record({ body: pointer(bucket, 'a'), receiveCount }), record({ body: order('other') })),
      ).toEqual([0]);
    expect(summaries.map(({ excused }) => excused)).toEqual(Array(8).fill(1));
    expect(summaries[0]?.problems[0]?.error).toBeInstanceOf(DependencyFailed);
    now = s3;
    expect(await run(record({ body: pointer(bucket, 'a'), receiveCount: 9 }))).toEqual([]);
    expect(await acted()).toBe(2);
    expect(await letters()).toEqual([]);
    away.destroy();
  });
});

describe('what a decoder may say', () => {
  const signal = new AbortController().signal;
  const read = (given: string, ...decoders: Decode[]) => decodeBody(given, { own: '1' }, decoders, signal);

  test('attributes are added for the decoders that follow and for the message', async () => {
    const met: unknown[] = [];
    const first: Decode = (given) => decoded({ text: given }, { type: 'T' });
    const second: Decode = (given, { attributes }) => {
      met.push(attributes);
      return decoded({ json: { given } }, { type: 'U' });
    };
    expect(await read('x', first, second)).toEqual({
      json: { given: 'x' },
      attributes: { own: '1', type: 'U' },
    });
    expect(met).toEqual([{ own: '1', type: 'T' }]);
  });

  test('JSON that one decoder made is text for the next, with every digit', async () => {
    const met: string[] = [];
    await read(
      '',
      () => ({ wei: 9007199254740993n }),
      (given) => {
        met.push(given);
        return given;
      },
    );
    expect(met).toEqual(['{"wei":9007199254740993}']);
  });

  test('that the message is to be ignored, by returning it or throwing it', async () => {
    for (const decode of [
      () => ignore('not for us'),
      () => {
        throw ignore('not for us');
      },
    ])
      await expect(read(text, decode)).rejects.toMatchObject({ name: 'IgnoreMessage', reason: 'not for us' });
    const test = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' });
    await expect(read(test, s3Notification())).rejects.toBeInstanceOf(IgnoreMessage);
  });

  test('nothing at all is a defect of the decoder, and no message is lost by it', async () => {
    const { run, acted, letters } = await decodingWorld((() => undefined) as unknown as Decode);
    expect(await run(record({ body: order() }))).toEqual([0]);
    expect(await acted()).toBeUndefined();
    expect(await letters()).toEqual([]);
  });

  test('a decoder that never ends holds up only its own message', async () => {
    const decode: Decode = (given) => (given.includes('stuck') ? new Promise<never>(() => {}) : given);
    const { run, acted, summaries } = await decodingWorld(decode, {}, 8_000);
    expect(await run(record({ body: order('stuck') }), record({ body: order('other') }))).toEqual([0]);
    expect(await acted()).toBe(1);
    expect(summaries[0]?.problems[0]?.error).toBeInstanceOf(DependencyFailed);
  });
});

describe('bodies are read without losing anything', () => {
  test('a byte order mark is skipped, and the copy without it is a copy', async () => {
    const { run, acted, letters } = await decodingWorld(undefined);
    await run(record({ body: `\uFEFF${text}` }));
    await run(record({ body: text }));
    expect(await acted()).toBe(1);
    expect(await letters()).toEqual([]);
  });

  test.each([501, 3_000, 100_000])(
    '%d brackets in a body: rejected, and its neighbours act',
    async (depth) => {
      const { run, acted, letters } = await decodingWorld(undefined);
      const deep = `{"id":"deep","cents":1,"x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
      expect(
        await run(record({ body: order('1') }), record({ body: deep }), record({ body: order('2') })),
      ).toEqual([]);
      expect(await acted()).toBe(2);
      expect((await letters()).map(({ reason }) => reason)).toEqual([
        'TooDeep: the JSON is nested more than 500 levels deep; send it flatter, or as text',
      ]);
    },
  );

  test('ids one apart beyond 2^53: both act, once each, under keys of their own', async () => {
    const schema = z.object({ id: z.union([z.number(), z.bigint()]), cents: z.int() });
    const { run, acted, letters } = await decodingWorld(undefined, {
      schema: schema as never,
      key: ({ body: { id } }: { body: { id: unknown } }) => String(id),
    });
    const bodies = ['9007199254740992', '9007199254740993', '9007199254740994', '9007199254740993'];
    for (const id of bodies) await run(record({ body: `{"id":${id},"cents":5}` }));
    expect(await acted()).toBe(3);
    expect(await letters()).toEqual([]);
  });

  test('a schema that takes only numbers refuses what would have to be rounded, with the path', async () => {
    const schema = z.object({ id: z.string(), wei: z.number() });
    const { run, acted, letters } = await decodingWorld(undefined, { schema: schema as never });
    for (const wei of ['9007199254740993', '0.12345678901234567890'])
      await run(record({ body: `{"id":"a","wei":${wei}}` }));
    expect(await acted()).toBeUndefined();
    expect((await letters()).map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^RejectMessage: body does not fit the schema: wei: /),
      expect.stringMatching(/^InexactNumber: the number at '\$\.wei' has more digits than a double holds/),
    ]);
  });

  test('a reason names the first issues and how many more there are, whatever their length', async () => {
    const schema = z.array(z.object({ ['n'.repeat(500)]: z.number() }));
    const { run, letters } = await decodingWorld(undefined, { schema: schema as never });
    await run(record({ body: `[${'{},'.repeat(5000)}{}]` }));
    const [{ reason } = { reason: '' }] = await letters();
    expect(Buffer.byteLength(reason)).toBeLessThan(950);
    expect(reason).toMatch(/: 0\.n+…: .*; and \d+ more$/);
    const named = reason.split('; ').length - 1;
    expect(reason).toContain(`and ${5001 - named} more`);
    const short = await decodingWorld(undefined, {
      schema: z.array(z.literal(1, { error: 'no' })) as never,
    });
    await short.run(record({ body: '[0,0,0,0,0,0,0,0,0,0,0,0]' }));
    expect((await short.letters()).map((letter) => letter.reason)).toEqual([
      'RejectMessage: body does not fit the schema: ' +
        '0: no; 1: no; 2: no; 3: no; 4: no; 5: no; 6: no; 7: no; 8: no; 9: no; and 2 more',
    ]);
  });
});
