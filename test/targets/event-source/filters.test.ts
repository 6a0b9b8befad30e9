import { compileFilter } from '../../../targets/event-source/filter.js';
import { MappingInvalidError } from '../../../targets/event-source/errors.js';
import { embedded } from '../../fixtures/embedded.js';
import { Lab } from '../kit/lab.js';

const lab = new Lab(embedded());
beforeAll(() => lab.open());
afterEach(() => lab.clear());
afterAll(() => lab.close());

/** The bodies that reach the function, in any order. Whatever does not must be gone from the queue. */
async function delivered(patterns: object[], bodies: string[]): Promise<string[]> {
  const bench = await lab.bench({
    behaviour: () => undefined,
    mapping: {
      FilterCriteria: { Filters: patterns.map((pattern) => ({ Pattern: JSON.stringify(pattern) })) },
    },
  });
  await bench.send(...bodies.map((body) => ({ body })));
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.left()).toEqual({ visible: 0, hidden: 0, delayed: 0 });
  return (await bench.seenBodies()).flat();
}

test('a message that no filter matches is deleted without an invocation', async () => {
  const small = '{"cents":5}';
  const big = '{"cents":500}';
  const gift = '{"gift":true}';
  const patterns = [{ body: { cents: [{ numeric: ['>', 100] }] } }, { body: { gift: [true] } }];
  expect(await delivered(patterns, [small, big, gift])).toEqual([big, gift]);
});

test('a plain body is dropped by a filter for JSON and a JSON body by a filter for text', async () => {
  expect(await delivered([{ body: { kind: ['a'] } }], ['kind a', '{"kind":"a"}'])).toEqual(['{"kind":"a"}']);
  expect(await delivered([{ body: [{ prefix: 'kind' }] }], ['kind a', '{"kind":"a"}'])).toEqual(['kind a']);
});

test('a filter on anything but the body is refused', async () => {
  const bench = await lab.bench({
    behaviour: () => undefined,
    mapping: {
      FilterCriteria: { Filters: [{ Pattern: '{"attributes":{"MessageGroupId":["g"]}}' }] },
    },
  });
  await expect(lab.run(bench)).rejects.toThrow(
    new MappingInvalidError(bench.mappingId, [
      'filter pattern {"attributes":{"MessageGroupId":["g"]}} filters on attributes, SQS mappings allow "body" only',
    ]),
  );
});

test('the comparison operators match what their page says', () => {
  const cases: [rule: object, matching: string[], other: string[]][] = [
    [{ a: [null] }, ['{"a":null}'], ['{"a":0}', '{}']],
    [{ a: [''] }, ['{"a":""}'], ['{"a":" "}', '{}']],
    [{ a: ['x'] }, ['{"a":"x"}', '{"a":["y","x"]}'], ['{"a":"X"}', '{"a":{"b":"x"}}']],
    [{ a: ['x', 'y'] }, ['{"a":"x"}', '{"a":"y"}'], ['{"a":"z"}']],
    [{ a: ['x'], b: ['y'] }, ['{"a":"x","b":"y"}'], ['{"a":"x"}', '{"a":"x","b":"x"}']],
    [{ $or: [{ a: ['x'] }, { b: ['y'] }] }, ['{"a":"x"}', '{"b":"y"}'], ['{"a":"y","b":"x"}']],
    [{ a: [{ 'equals-ignore-case': 'Ab' }] }, ['{"a":"aB"}'], ['{"a":"abc"}']],
    [{ a: [{ 'anything-but': ['x', 1] }] }, ['{"a":"y"}', '{"a":2}'], ['{"a":"x"}', '{"a":1}', '{}']],
    [{ a: [300] }, ['{"a":300}'], ['{"a":300.0}', '{"a":3.0e2}', '{"a":"300"}']],
    [{ a: [{ numeric: ['=', 300] }] }, ['{"a":300.0}', '{"a":3e2}'], ['{"a":301}', '{"a":"300"}']],
    [{ a: [{ numeric: ['>', 10, '<=', 20] }] }, ['{"a":11}', '{"a":20}'], ['{"a":10}', '{"a":20.1}']],
    [{ a: [{ exists: true }] }, ['{"a":0}', '{"a":null}'], ['{"b":0}', '{"a":{"b":1}}']],
    [{ a: [{ exists: false }] }, ['{"b":0}', '{}'], ['{"a":0}']],
    [{ a: { b: [{ exists: false }] } }, ['{}', '{"a":{"c":1}}'], ['{"a":{"b":1}}']],
    [{ a: [{ prefix: 'us-' }] }, ['{"a":"us-east-1"}'], ['{"a":"eu-us-1"}', '{"a":1}']],
    [{ a: [{ prefix: { 'equals-ignore-case': 'US-' } }] }, ['{"a":"us-east-1"}'], ['{"a":"eu"}']],
    [{ a: [{ suffix: '.png' }] }, ['{"a":"x.png"}'], ['{"a":"x.png.gz"}']],
    [{ a: [{ wildcard: 'a*c\\*' }] }, ['{"a":"abbc*"}', '{"a":"ac*"}'], ['{"a":"abc"}', '{"a":"abcd*"}']],
    [{ a: [{ wildcard: 'a.c*' }] }, ['{"a":"a.cd"}'], ['{"a":"abcd"}']],
    [{ a: { b: ['x'] } }, ['{"a":{"b":"x"}}', '{"a":[{"b":"y"},{"b":"x"}]}'], ['{"a":"x"}', '{"b":"x"}']],
  ];
  for (const [rule, matching, other] of cases) {
    const filter = compileFilter([JSON.stringify({ body: rule })]);
    expect({ rule, passed: [...matching, ...other].filter(filter) }).toEqual({ rule, passed: matching });
  }
});

test('a pattern with an unknown operator is refused', () => {
  expect(() => compileFilter(['{"body":{"a":[{"like":"x"}]}}'])).toThrow(
    'a rule has the operators "like", one of prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, exists is allowed',
  );
  expect(() => compileFilter(['{"body":{"a":[{"constructor":"x"}]}}'])).toThrow(
    'a rule has the operators "constructor"',
  );
  expect(() => compileFilter(['{"body":{"a":"x"}}'])).toThrow(
    'the rule of "a" is neither a list nor an object',
  );
  expect(() => compileFilter(['{"body":{"a":[{"numeric":[">"]}]}}'])).toThrow('"numeric" takes pairs');
});

test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
  'a field that is called %s is there when the message has it, and else not',
  (name) => {
    const there = compileFilter([`{"body":{"${name}":[{"exists":true}]}}`]);
    const absent = compileFilter([`{"body":{"a":{"${name}":[{"exists":false}]}}}`]);
    expect(there(`{"${name}":1}`)).toBe(true);
    expect(there('{"a":1}')).toBe(false);
    expect(absent('{"a":{"b":1}}')).toBe(true);
    expect(absent(`{"a":{"${name}":1}}`)).toBe(false);
  },
);
