import type { StandardSchemaV1 } from '@standard-schema/spec';
import * as z from 'zod/mini';
import { cloudEvent, producerVersion, type CloudEvent } from '../../runtime/outbox/event.js';

const event: CloudEvent<unknown> = {
  specversion: '1.0',
  id: '1/bank/account/18849496460467696128',
  source: 'payments',
  type: 'PaymentSettled',
  subject: 'account',
  time: '2026-11-01T12:00:00.000Z',
  datacontenttype: 'application/json',
  epoch: '1',
  kind: 'bank',
  aggregate: 'account',
  version: '18849496460467696128',
  firstenqueue: '2026-11-01T12:00:00.000Z',
  data: { cents: '7' },
};
const schema = cloudEvent(z.object({ cents: z.pipe(z.string(), z.transform(Number)) }));
const validate = (given: unknown) => schema['~standard'].validate(given);

test('a whole event passes, with its data as the schema makes it', () => {
  expect(validate(event)).toEqual({ value: { ...event, data: { cents: 7 } } });
});

test.each<[string, unknown, string[][]]>([
  [
    'no object',
    'text',
    [
      ['specversion'],
      ['id'],
      ['source'],
      ['type'],
      ['subject'],
      ['time'],
      ['epoch'],
      ['aggregate'],
      ['version'],
      ['firstenqueue'],
      ['version'],
    ],
  ],
  ['another CloudEvents version', { ...event, specversion: '0.3' }, [['specversion']]],
  ['a version as number', { ...event, version: 3 }, [['version']]],
  ['a version that is no number', { ...event, version: '1.5' }, [['version']]],
  ['a kind that is no text', { ...event, kind: 1 }, [['kind']]],
  ['a version before it that is no number', { ...event, previousversion: '-1' }, [['previousversion']]],
  ['an empty epoch', { ...event, epoch: '' }, [['epoch']]],
  ['data that the schema refuses', { ...event, data: { cents: 7 } }, [['data', 'cents']]],
])('refused with the place of the fault: %s', (_, given, paths) => {
  expect(validate(given)).toEqual({
    issues: paths.map((path): unknown => expect.objectContaining({ path })),
  });
});

test('an asynchronous schema of the data makes an asynchronous one of the event', async () => {
  const anything: StandardSchemaV1 = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value) => Promise.resolve({ value }),
    },
  };
  const patient = cloudEvent(anything);
  const result = patient['~standard'].validate(event);
  expect(result).toBeInstanceOf(Promise);
  expect(await result).toEqual({ value: event });
});

test('where an event stands, for the aggregate consumer', () => {
  const { kind, ...adopted } = event;
  const place = { source: 'payments', epoch: '1', version: '18849496460467696128' };
  expect(producerVersion(event)).toEqual({ ...place, kind });
  expect(producerVersion({ ...event, previousversion: '7' })).toEqual({ ...place, kind, previous: '7' });
  expect(producerVersion(adopted)).toEqual(place);
});
