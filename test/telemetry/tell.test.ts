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

test('an observer is told at once, and none is fine', () => {
  const told: string[] = [];
  tell((event: string) => told.push(event), 'something');
  tell(undefined, 'something');
  expect(told).toEqual(['something']);
});
