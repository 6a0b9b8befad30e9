import { consumerFigures, reportedFigures } from '../../drive/audit/consumer-figures.js';

const line = (duplicate: number, writeUnits: number) =>
  JSON.stringify({
    ...{ exactlyOnce: 'batch', consumer: 'settlement', processed: 1, duplicate, rejected: 0, retry: 0 },
    ...{ writeUnits, readUnits: 0, calls: 1 },
  });

test('adds up the batch lines of one function, whatever is printed around them', () => {
  const figures = consumerFigures('settle');
  figures.add({ functionName: 'settle', records: 3, logTail: `START\n${line(1, 8)}\nEND` });
  figures.add({
    ...{ functionName: 'settle', records: 2 },
    logTail: `2026-11-23T10:00:00Z\tabc\tINFO\t${line(2, 0.5)}\n`,
  });
  figures.add({ functionName: 'accept', records: 100, logTail: line(100, 100) });
  expect(figures).toMatchObject({ delivered: 5, suppressed: 3, writeUnits: 8.5, completed: 2, reported: 2 });
});

test('a line that came late is counted with the next invocation', () => {
  const figures = consumerFigures('settle');
  figures.add({ functionName: 'settle', records: 1, logTail: '' });
  expect(figures).toMatchObject({ completed: 1, reported: 0 });
  figures.add({ functionName: 'settle', records: 1, logTail: `${line(1, 8)}\n${line(0, 7)}` });
  expect(figures).toMatchObject({ suppressed: 1, writeUnits: 15, completed: 2, reported: 2 });
});

test('a line that is cut off is missing in the count', () => {
  const figures = consumerFigures('settle');
  figures.add({ functionName: 'settle', records: 1, logTail: `x\n${line(1, 8).slice(0, 60)}` });
  expect(figures).toMatchObject({ delivered: 1, suppressed: 0, writeUnits: 0, completed: 1, reported: 0 });
});

test('failed invocations are counted by reason', () => {
  const figures = consumerFigures('settle');
  for (const logTail of [
    '',
    'Task timed out after 5.00 seconds\n',
    'Error: Task timed out after 5.00 seconds?',
  ])
    figures.add({ functionName: 'settle', records: 2, functionError: 'Unhandled', logTail });
  expect(figures).toMatchObject({ delivered: 6, completed: 0, reported: 0 });
  expect([...figures.failures]).toEqual([
    ['Unhandled', 2],
    ['timed out', 1],
  ]);
});

test('a target that polls by itself tells nothing of its invocations, so nothing of them is reported', () => {
  const figures = consumerFigures('settle');
  expect(reportedFigures(figures, { polls: 'target' }, 4)).toEqual({
    ...{ delivered: undefined, suppressed: undefined, wruPerMessage: undefined },
  });
  figures.add({ functionName: 'settle', records: 5, logTail: line(1, 34) });
  expect(reportedFigures(figures, { polls: 'runner' }, 4)).toEqual({
    ...{ delivered: 5, suppressed: 1, wruPerMessage: 8.5 },
  });
});
