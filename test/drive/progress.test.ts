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
