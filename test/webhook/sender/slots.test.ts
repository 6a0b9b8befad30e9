import { EndpointRun, defaultHealth } from '../../../runtime/webhook/sender/health.js';
import type { Endpoint } from '../../../runtime/webhook/sender/endpoint.js';
import { Backlog } from '../../../runtime/webhook/sender/backlog.js';
import { endpointOf } from '../../../runtime/webhook/sender/rows.js';
import { Slots } from '../../../runtime/webhook/sender/slots.js';
import { takeTurns, type Picked } from '../../../runtime/webhook/sender/turns.js';

const timeoutMs = 15_000;
let clock = 1_000_000;

function endpoint(): EndpointRun {
  const one: Endpoint = {
    ...{ tenant: 'acme', endpointId: 'e', url: 'https://hooks.example/', secrets: [], shard: 0 },
    ...{ health: {}, createdAt: new Date(clock).toISOString() },
  };
  return new EndpointRun(one, { ...defaultHealth, threshold: Infinity }, 10, clock);
}

/**
 * A worker by a clock that is turned by hand: of its endpoints the first ones hang, all others answer within a tenth
 * of a second, and for each there is more due than it may be sent.
 */
class Sending {
  /** How many attempts each endpoint was sent. */
  readonly made: number[];
  readonly #slots: Slots;
  readonly #backlog = new Backlog();
  readonly #runs: ReadonlyMap<string, EndpointRun>;
  #under: { readonly of: number; readonly until: number; readonly end: () => void }[] = [];
  #rows = 0;

  constructor(
    most: number,
    count: number,
    readonly hanging: number,
  ) {
    this.#slots = new Slots(most);
    this.made = Array.from({ length: count }, () => 0);
    this.#runs = new Map(this.made.map((_, of) => [`acme#${of}`, endpoint()]));
    for (const of of this.made.keys()) for (let i = 0; i < 20; i += 1) this.#fill(of);
  }

  get heldByHanging(): number {
    return this.#under.filter(({ of }) => of < this.hanging).length;
  }

  /** A tenth of a second. */
  pass(): void {
    clock += 100;
    for (const one of this.#under.filter(({ until }) => until <= clock)) one.end();
    this.#under = this.#under.filter(({ until }) => until > clock);
    const { picked } = takeTurns({
      backlog: this.#backlog,
      slots: this.#slots,
      nowMs: clock,
      runOf: (name) => this.#runs.get(name),
      mayBegin: (run) => run.admit(clock),
    });
    for (const one of picked) this.#begin(one);
  }

  #begin({ row, run, free }: Picked): void {
    const of = Number(endpointOf(row).endpointId);
    const ended = run!.begin(clock);
    const hangs = of < this.hanging;
    this.made[of]! += 1;
    this.#fill(of);
    const end = () => {
      free();
      ended();
      run!.inFlight -= 1;
      if (hangs) run!.failed(clock);
      else run!.succeeded();
    };
    this.#under.push({ of, until: clock + (hangs ? timeoutMs : 100), end });
  }

  #fill(of: number): void {
    this.#rows += 1;
    this.#backlog.add({ pk: `D#acme#${of}`, sk: `${this.#rows}#e`, dueAt: clock });
  }
}

test.each([5, 25, 49])(
  'once they are known, %i of 50 that hang hold at most half of the slots, and the others send by all the rest',
  (hanging) => {
    const sending = new Sending(20, 50, hanging);
    const answered = () => sending.made.slice(hanging).reduce((sum, made) => sum + made, 0);
    for (let i = 0; i < 1_500; i += 1) sending.pass();
    const before = answered();
    for (let i = 0; i < 500; i += 1) {
      sending.pass();
      expect(sending.heldByHanging).toBeLessThanOrEqual(10);
    }
    expect(answered() - before).toBeGreaterThanOrEqual(10 * 500);
  },
);

test('5 of 50 that hang take nothing from the others, for which the slots are enough', () => {
  const answered = (hanging: number) => {
    const sending = new Sending(600, 50, hanging);
    for (let i = 0; i < 200; i += 1) sending.pass();
    return sending.made.slice(5);
  };
  expect(answered(5)).toEqual(answered(0));
});

test('endpoints take turns: with fewer slots than endpoints each is sent about as much as every other', () => {
  const sending = new Sending(7, 50, 0);
  for (let i = 0; i < 500; i += 1) sending.pass();
  expect(Math.max(...sending.made) - Math.min(...sending.made)).toBeLessThanOrEqual(5);
  expect(Math.min(...sending.made)).toBeGreaterThan(50);
});

test('endpoints of which nothing is known leave a quarter to those that answer', () => {
  const slots = new Slots(20);
  const [known, unknown] = [endpoint(), endpoint()];
  known.succeeded();
  for (let i = 0; i < 15; i += 1) {
    expect(slots.room(clock).has('unknown')).toBe(true);
    slots.hold(unknown);
  }
  expect(slots.room(clock).has(unknown.standing(clock))).toBe(false);
  for (let i = 0; i < 5; i += 1) {
    expect(slots.room(clock).has(known.standing(clock))).toBe(true);
    slots.hold(known);
  }
  expect(slots.room(clock).has('answering')).toBe(false);
});

test('an endpoint that answered is suspect while one of its attempts waits for two seconds, and no longer', () => {
  const run = endpoint();
  run.succeeded();
  const ended = run.begin(clock);
  expect(run.standing(clock + 2_000)).toBe('answering');
  expect(run.standing(clock + 2_001)).toBe('suspect');
  ended();
  expect(run.standing(clock + 2_001)).toBe('answering');
});

test('there is a slot for everybody, also when there is but one', () => {
  for (const standing of ['suspect', 'unknown', 'answering'] as const)
    expect(new Slots(1).room(clock).has(standing)).toBe(true);
});

test('what a slot held is free when it is given back', () => {
  const slots = new Slots(1);
  const free = slots.hold(undefined);
  expect(slots.isFull).toBe(true);
  free();
  expect(slots.isFull).toBe(false);
});
