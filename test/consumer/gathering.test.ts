import { Gathering } from '../../runtime/consumer/gathering.js';

/** A lane that gathers when it is told to. */
class TestLane {
  isIdle = false;
  #give: ((units: readonly string[]) => void) | undefined;

  gather = () => new Promise<readonly string[]>((resolve) => (this.#give = resolve));
  /** It has something, or has found that there is nothing to do. */
  give(...units: string[]): void {
    this.isIdle = units.length === 0;
    this.#give?.(units);
  }
}

test('a lane that found nothing and gathers again is not told with what it had', async () => {
  const gathering = new Gathering<TestLane, string>((lane) => lane.gather());
  const [late, other] = [new TestLane(), new TestLane()];
  const first = gathering.next([late, other]);
  other.give('a');
  expect([...(await first)]).toEqual([[other, ['a']]]);
  // While what was ready is committed, the late one finds that there is nothing for it, and then that there is.
  late.give();
  await new Promise(setImmediate);
  const second = gathering.next([late, other]);
  other.give('b');
  expect([...(await second)]).toEqual([[other, ['b']]]);
  late.give('c');
  await new Promise(setImmediate);
  expect([...(await gathering.next([]))]).toEqual([[late, ['c']]]);
});
