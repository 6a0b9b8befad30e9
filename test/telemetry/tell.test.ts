import assert from 'node:assert/strict';
import { summaryLines, type BatchSummary } from '../../runtime/telemetry/batch-summary.js';
import { logLine } from '../../runtime/telemetry/log-line.js';
import { tell } from '../../runtime/telemetry/tell.js';

const observers: Record<string, (event: string) => unknown> = {
  'that throws': () => {
    throw new TypeError('of a customer: ada');
  },
  'whose promise is rejected': async () => Promise.reject(new TypeError('of a customer: ada')),
  'whose answer throws when it is waited for': () => ({
    then: () => {
      throw new TypeError('of a customer: ada');
    },
  }),
};

test.each(Object.keys(observers))(
  'an observer %s is logged, without what it says, and changes nothing',
  async (which) => {
    const lines: string[] = [];
    const write = jest
      .spyOn(process.stdout, 'write')
      .mockImplementation((chunk) => lines.push(String(chunk)) > 0);
    try {
      tell(observers[which], 'something');
      await new Promise(setImmediate);
    } finally {
      write.mockRestore();
    }
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ exactlyOnce: 'observer threw', error: 'TypeError' }),
    ]);
    expect(lines.join()).not.toContain('ada');
  },
);

test.each<[string, () => unknown]>([
  ['no stack', () => Object.assign(new TypeError('ada'), { stack: null })],
  ['a stack that is no text', () => Object.assign(new TypeError('ada'), { stack: [] })],
  ['a message that is no text', () => Object.assign(new TypeError('ada'), { message: Symbol('ada') })],
  ['a name that is no text', () => Object.assign(new TypeError('ada'), { name: Symbol('odd') })],
  [
    'a getter that throws',
    () => Object.defineProperty(new TypeError('ada'), 'stack', { get: () => assert.fail('ada') }),
  ],
])('an error with %s costs no line and no batch', async (_, make) => {
  const lines: string[] = [];
  const write = jest
    .spyOn(process.stdout, 'write')
    .mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  try {
    // Both ways in which an observer fails, and the summary of a batch in which a handler threw it.
    tell(() => {
      throw make();
    }, 'something');
    tell(async () => Promise.reject(make() as Error), 'something');
    await new Promise(setImmediate);
    for (const line of summaryLines(summaryWith(make()))) logLine(line);
  } finally {
    write.mockRestore();
  }
  expect(lines).toHaveLength(4);
  expect(lines.at(-1)).toContain('"exactlyOnce":"batch"');
  expect(lines.join()).not.toContain('ada');
});

test('an observer changes nothing where standard output throws', () => {
  const write = jest.spyOn(process.stdout, 'write').mockImplementation(() => assert.fail('EPIPE'));
  try {
    expect(() => tell(() => logLine({}), 'something')).not.toThrow();
  } finally {
    write.mockRestore();
  }
});

test('an observer is told at once, and none is fine', () => {
  const told: string[] = [];
  tell((event: string) => told.push(event), 'something');
  tell(undefined, 'something');
  expect(told).toEqual(['something']);
});

function summaryWith(error: unknown): BatchSummary {
  const problems = [{ outcome: 'retry', fault: 'message', messageId: 'm', error }];
  return { consumer: 'told', problems } as unknown as BatchSummary;
}
