import { randomUUID } from 'node:crypto';
import {
  DependencyFailed,
  InvalidWrite,
  KeyReused,
  RejectMessage,
  UnserialisableValue,
} from '../../runtime/dedup/errors.js';
import type { Limits } from '../../runtime/dedup/limits.js';
import { Meter } from '../../runtime/dedup/meter.js';
import type { Outcome, Outcomes } from '../../runtime/dedup/outcome.js';
import type { Identified, Prepared, Way } from '../../runtime/dedup/way.js';

/** What a message of the contract asks for. A way does as much of it as it can; `supports` says what that is. */
export interface Ask {
  readonly key: string;
  /** The counter that every effect adds to, or the next number of which is set after a read. */
  readonly counter: string;
  /** Reads the counter and sets the next number, instead of adding to it. */
  readonly reads?: boolean;
  /** Makes an effect outside the store. */
  readonly effect?: boolean;
  /** Throws this, after what it has read. */
  readonly throws?: (seen: unknown) => unknown;
  /** A value that the store cannot hold, in the row or as the result. */
  readonly unstorable?: 'row' | 'result';
  readonly result?: unknown;
  /** Called each time that the handler runs. */
  readonly ran?: () => void | Promise<void>;
}

export interface Asked extends Identified {
  readonly message: Ask;
}

/** A way on a store of this test's own, and how its effects are counted. */
export interface OpenedWay<Unit extends Prepared> {
  readonly way: Way<Asked, Unit>;
  /** The id of a message with this key, as the consumer would make it. */
  readonly idOf: (ask: Ask) => string;
  /** How often messages have acted on a counter. An effect that is made twice shows. */
  readonly count: (counter: string) => Promise<number>;
  /** From now on: the next so many writes are made and their answers lost, and the store does not know them again. */
  readonly loseAnswers: (times: number) => void;
  /** The next so many writes meet another one, and are refused for that. */
  readonly conflicts: (times: number) => void;
  /** The next write, or read, is never answered. */
  readonly hang: (kind: 'write' | 'read') => void;
  /** The next reads answer only half of what they were asked for. */
  readonly leaveUnread: (times: number) => void;
  readonly close: () => void | Promise<void>;
}

/** What a way can do beyond committing. */
export interface Supports {
  /** Its handlers can read the store. */
  readonly reads?: boolean;
  /** Its handlers can make effects outside the store. */
  readonly effects?: boolean;
  /** It keeps what handlers return. */
  readonly results?: boolean;
  readonly recall?: boolean;
  /**
   * Its handlers run within the commit, over the one item that their message is about: order is kept within an item,
   * what cannot be stored is found then, and only a consistent recall says anything, by single reads.
   */
  readonly folds?: boolean;
  /**
   * Its handlers run within the commit, each when the earlier ones of its lane are durable. What they throw is an
   * outcome.
   */
  readonly runsInCommit?: boolean;
  /** A read answers all that it was asked for, or fails. */
  readonly readsWhole?: boolean;
}

/**
 * Holds a store to what the port `Way` guarantees. Each test counts effects in the store, and acts on keys of its
 * own.
 */
export function wayContract<Unit extends Prepared>(
  name: string,
  open: () => Promise<OpenedWay<Unit>>,
  supports: Supports,
): void {
  describe(`${name} keeps the contract of a way`, () => {
    let world: OpenedWay<Unit>;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(async () => world.close());

    const limits = (ms = 20_000): Limits => ({ deadline: Date.now() + ms, meter: new Meter() });
    const asked = (ask: Partial<Ask> = {}, fingerprint = 'f'): Asked => {
      const message: Ask = { key: randomUUID(), counter: randomUUID(), ...ask };
      return { id: world.idOf(message), fingerprint, message };
    };
    const prepare = async (
      message: Asked,
      lane = message.id,
      ahead = false,
      within = limits(),
    ): Promise<Unit> => world.way.prepare(message, { lane, ahead, limits: () => within });
    const commit = async (units: readonly Unit[], within = limits()) => {
      const { outcomes } = await world.way.commit(units, within);
      return units.map((unit) => outcomes.get(unit));
    };
    const act = async (...messages: readonly Asked[]) => {
      const units = [];
      for (const message of messages) units.push(await prepare(message));
      return commit(units);
    };
    const kinds = (outcomes: readonly (Outcome | undefined)[]) => outcomes.map((outcome) => outcome?.kind);
    const errorOf = (outcome: Outcome | undefined) =>
      outcome !== undefined && 'error' in outcome ? outcome.error : undefined;
    const recall = async (message: Asked, consistent = true): Promise<Outcome | undefined> => {
      const found: Outcomes<Asked> | undefined = await world.way.recall?.([message], limits(), consistent);
      return found?.get(message);
    };

    test('a message acts once, and each later copy is a duplicate', async () => {
      const message = asked();
      expect(kinds(await act(message))).toEqual(['processed']);
      expect(kinds(await act({ ...message }))).toEqual(['duplicate']);
      expect(await world.count(message.message.counter)).toBe(1);
    });

    test('of copies in one commit one acts', async () => {
      const message = asked();
      const outcomes = kinds(await act(message, { ...message }));
      expect(outcomes[0]).toBe('processed');
      expect(['processed', 'duplicate']).toContain(outcomes[1]);
      expect(await world.count(message.message.counter)).toBe(1);
    });

    test('of twelve commits of one message at the same time one acts', async () => {
      const message = asked();
      const outcomes = await Promise.all(Array.from({ length: 12 }, async () => act({ ...message })));
      expect(kinds(outcomes.flat()).filter((kind) => kind === 'processed')).toHaveLength(1);
      expect(await world.count(message.message.counter)).toBe(1);
    });

    test('another payload under the same key is rejected, and does not act', async () => {
      const message = asked();
      await act(message);
      const [outcome] = await act({ ...message, fingerprint: 'other' });
      expect(outcome).toEqual({ kind: 'rejected', error: expect.any(KeyReused) });
      expect(await world.count(message.message.counter)).toBe(1);
    });

    test('R49: also in the same commit, where the receipt in the way carries our own token', async () => {
      const message = asked();
      const [first, second] = await act(message, { ...message, fingerprint: 'other' });
      expect([first?.kind, second]).toEqual([
        'processed',
        { kind: 'rejected', error: expect.any(KeyReused) },
      ]);
      expect(await world.count(message.message.counter)).toBe(1);
    });

    test('R12: the answer is lost and the request sent again: processed, once', async () => {
      const messages = [asked(), asked()];
      world.loseAnswers(1);
      expect(kinds(await act(...messages))).toEqual(['processed', 'processed']);
      for (const { message } of messages) expect(await world.count(message.counter)).toBe(1);
    });

    test('one that meets another transaction is tried again, and acts once', async () => {
      const message = asked();
      world.conflicts(2);
      expect(kinds(await act(message))).toEqual(['processed']);
      expect(await world.count(message.message.counter)).toBe(1);
    });

    test.each(supports.folds === true ? ['of one item'] : ['of one item', 'of any items'])(
      'in a lane %s nothing acts past a message that did not get through, other lanes do',
      async (what) => {
        const taken = asked();
        await act(taken);
        const { counter } = what === 'of one item' ? taken.message : asked().message;
        const before = await world.count(counter);
        const messages = [asked(), { ...taken, fingerprint: 'other' }, asked({ counter }), asked()];
        const units = [];
        for (const [i, message] of messages.entries()) units.push(await prepare(message, i < 3 ? 'a' : 'b'));
        expect(kinds(await commit(units))).toEqual(['processed', 'rejected', undefined, 'processed']);
        expect(await world.count(counter)).toBe(before);
        expect(await world.count(messages[3]?.message.counter ?? '')).toBe(1);
      },
    );

    test('R22: past the deadline nothing is begun, and the message is not blamed', async () => {
      const message = asked();
      const unit = await prepare(message);
      const meter = new Meter();
      const { outcomes } = await world.way.commit([unit], { deadline: Date.now() - 1, meter });
      expect(outcomes.get(unit)).toEqual({ kind: 'retry' });
      expect(meter.calls).toBe(0);
      expect(await world.count(message.message.counter)).toBe(0);
    });

    test('a call that is never answered is given up at the deadline, as an outage', async () => {
      const unit = await prepare(asked());
      world.hang('write');
      const [outcome] = await commit([unit], limits(300));
      expect(outcome).toEqual({ kind: 'retry', error: expect.any(DependencyFailed) });
    });

    test('the signal of a batch ends its calls as well', async () => {
      const unit = await prepare(asked());
      world.hang('write');
      const given = { ...limits(), signal: AbortSignal.timeout(200) };
      expect(kinds(await commit([unit], given))).toEqual(['retry']);
    });

    test('calls side by side, however many, warn of nothing', async () => {
      const warnings: Error[] = [];
      const warned = (warning: Error) => warnings.push(warning);
      process.on('warning', warned);
      const messages = await Promise.all(Array.from({ length: 30 }, async () => prepare(asked())));
      await commit(messages, { ...limits(), signal: AbortSignal.timeout(20_000) });
      await new Promise((resolve) => setImmediate(resolve));
      process.off('warning', warned);
      expect(warnings.filter(({ name }) => name === 'MaxListenersExceededWarning')).toEqual([]);
    });

    test('R44: what the store cannot hold is found before anything is durable, and is final', async () => {
      const message = asked({ unstorable: 'row' });
      if (supports.runsInCommit === true) {
        const outcomes = await act(message, asked());
        expect(outcomes[0]).toEqual({ kind: 'rejected', error: expect.any(RejectMessage) });
        expect(outcomes[1]?.kind).toBe('processed');
        expect(await world.count(message.message.counter)).toBe(0);
        return;
      }
      if (supports.folds === true) {
        const [outcome] = await act(message);
        expect(outcome).toEqual({ kind: 'rejected', error: expect.any(InvalidWrite) });
        return;
      }
      await expect(prepare(message)).rejects.toThrow(InvalidWrite);
      await expect(prepare(message)).rejects.toThrow(RejectMessage);
    });

    if (supports.results === true) {
      test('a duplicate brings what the first one returned', async () => {
        const message = asked({ result: { total: 7, big: 2n ** 70n } });
        await act(message);
        expect(await act({ ...message })).toEqual([
          { kind: 'duplicate', result: { total: 7, big: 2n ** 70n } },
        ]);
      });

      test('R44: a result that cannot be stored is the fault of its own message', async () => {
        if (supports.runsInCommit === true) {
          const [outcome] = await act(asked({ unstorable: 'result' }));
          expect(outcome).toEqual({ kind: 'rejected', error: expect.any(UnserialisableValue) });
          return;
        }
        await expect(prepare(asked({ unstorable: 'result' }))).rejects.toThrow(UnserialisableValue);
      });
    }

    if (supports.recall === true)
      describe('recall', () => {
        test.each(supports.folds === true ? [true] : [true, false])(
          'knows duplicates and other payloads, and says nothing of strangers (%s)',
          async (consistent) => {
            const message = asked();
            await act(message);
            expect((await recall({ ...message }, consistent))?.kind).toBe('duplicate');
            expect(errorOf(await recall({ ...message, fingerprint: 'other' }, consistent))).toBeInstanceOf(
              KeyReused,
            );
            expect(await recall(asked(), consistent)).toBeUndefined();
          },
        );

        if (supports.folds !== true) {
          test('R48: asks again for what was left unread, of more messages than one request may name', async () => {
            const messages = Array.from({ length: 130 }, () => asked());
            await act(...messages.slice(0, 3), ...messages.slice(-3));
            if (supports.readsWhole !== true) world.leaveUnread(2);
            const found = await world.way.recall?.(messages, limits(), true);
            expect(found?.size).toBe(6);
          });
        }
        if (supports.folds !== true && supports.readsWhole !== true) {
          test('R48: fails closed when it stays unread, if it must see everything', async () => {
            const message = asked();
            await act(message);
            world.leaveUnread(Infinity);
            try {
              await expect(world.way.recall?.([message], limits(300), true)).rejects.toThrow(
                DependencyFailed,
              );
              expect((await world.way.recall?.([message], limits(), false))?.size).toBe(0);
            } finally {
              world.leaveUnread(0);
            }
          });
        }

        test('does not wait for a read that is never answered', async () => {
          world.hang('read');
          await expect(world.way.recall?.([asked()], limits(300), true)).rejects.toThrow(DependencyFailed);
        });
      });

    if (supports.reads === true)
      describe('handlers that read', () => {
        if (supports.runsInCommit !== true)
          test('are marked as such, others are not', async () => {
            expect((await prepare(asked({ reads: true }))).looked).toBe(true);
            expect((await prepare(asked())).looked ?? false).toBe(false);
          });

        test('R13: decide on what is there at the commit: of ten that count on, none is lost', async () => {
          const counter = randomUUID();
          const outcomes = await act(...Array.from({ length: 10 }, () => asked({ counter, reads: true })));
          expect(new Set(kinds(outcomes))).toEqual(new Set(['processed']));
          expect(await world.count(counter)).toBe(10);
        });

        test('R47: what one throws because of something that has changed since is no verdict', async () => {
          const counter = randomUUID();
          let runs = 0;
          const message = asked({
            counter,
            reads: true,
            ran: async () => {
              runs += 1;
              if (runs === 1) await act(asked({ counter }));
            },
            throws: (seen) => (seen === undefined ? new RejectMessage('nothing there') : undefined),
          });
          const unit = await prepare(message);
          if (supports.runsInCommit !== true) expect(runs).toBe(2);
          expect(kinds(await commit([unit]))).toEqual(['processed']);
          expect(runs).toBe(2);
          expect(await world.count(counter)).toBe(2);
        });

        test('a throw that still stands is thrown', async () => {
          const message = asked({ reads: true, throws: () => new RejectMessage('no') });
          if (supports.runsInCommit === true) {
            const [outcome] = await act(message);
            expect(outcome).toEqual({ kind: 'rejected', error: new RejectMessage('no') });
            return;
          }
          await expect(prepare(message)).rejects.toThrow('no');
        });

        test('R44: a read that fails is an outage', async () => {
          world.hang('read');
          if (supports.runsInCommit === true) {
            const [outcome] = await commit([await prepare(asked({ reads: true }))], limits(300));
            expect(outcome).toEqual({ kind: 'retry', error: expect.any(DependencyFailed) });
            return;
          }
          const prepared = prepare(asked({ reads: true }), 'lane', false, limits(300));
          await expect(prepared).rejects.toThrow(DependencyFailed);
        });
      });

    if (supports.effects === true)
      test('R47: an effect is not made while earlier messages of the lane are uncommitted', async () => {
        const message = asked({ effect: true });
        if (supports.runsInCommit === true) {
          // The one before it does not get through: no effect is made behind it.
          let seen = 0;
          const first = await prepare(asked({ throws: () => new Error('not yet') }), 'lane');
          const second = await prepare(asked({ effect: true, ran: () => void (seen += 1) }), 'lane', true);
          expect(kinds(await commit([first, second]))).toEqual(['retry', undefined]);
          expect(seen).toBe(0);
        } else await expect(prepare(message, 'lane', true)).rejects.toThrow(DependencyFailed);
        const unit = await prepare(message, 'lane', false);
        if (supports.runsInCommit !== true) expect(unit.looked).toBe(true);
        expect(kinds(await commit([unit]))).toEqual(['processed']);
      });
  });
}
