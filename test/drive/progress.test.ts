import { PassThrough } from 'node:stream';
import { progressTo } from '../../drive/progress.js';

function recorded(isTTY: boolean) {
  let time = 0;
  const written: string[] = [];
  const output = { isTTY, columns: 20, write: (text: string) => written.push(text) };
  return { progress: progressTo(output, () => time), written, later: (ms: number) => (time += ms) };
}

test('on a terminal one line is rewritten, never wider than the terminal, and gone before another one', () => {
  const { progress, written, later } = recorded(true);
  progress.now('one');
  later(10);
  progress.now('too soon');
  later(200);
  progress.now('wider than the terminal is');
  progress.line('stays');
  progress.settle();
  expect(written).toEqual(['\r\x1b[Kone', '\r\x1b[Kwider than the term', '\r\x1b[K', 'stays\n']);
});

test('elsewhere it is a plain line every five seconds', () => {
  const { progress, written, later } = recorded(false);
  for (let second = 0; second < 11; second += 1) {
    progress.now(`after ${second} s`);
    later(1000);
  }
  expect(written).toEqual(['after 0 s\n', 'after 5 s\n', 'after 10 s\n']);
});

test('elsewhere the paths are one line, with all that there is to say of each', () => {
  const { progress, written } = recorded(false);
  progress.paths('draining', [
    { name: 'payments', done: 7, total: 10, note: '23 s until what a killed function held comes back' },
    { name: 'activity', done: 20, total: 20, note: '20 delivered' },
  ]);
  expect(written).toEqual([
    'draining: payments 7/10, 23 s until what a killed function held comes back; activity 20/20, 20 delivered\n',
  ]);
});

test('on a terminal each path has a bar, cut off where the terminal ends, and gone at the end', () => {
  const screen = Object.assign(new PassThrough({ encoding: 'utf8' }), {
    ...{ isTTY: true, columns: 40, cursorTo: () => true, moveCursor: () => true, clearLine: () => true },
    clearScreenDown: () => true,
  });
  const progress = progressTo(screen);
  progress.paths('traffic', [
    { name: 'payments', done: 5, total: 10, note: 'a note that is longer than the terminal is wide' },
    { name: 'more', done: 0, total: 4, note: '' },
  ]);
  progress.settle();
  const lines = String(screen.read()).split('\n');
  expect(lines.some((line) => line.includes('payments ########........ 5/10 a note'))).toBe(true);
  expect(lines.some((line) => line.includes('more     ................ 0/4'))).toBe(true);
});
