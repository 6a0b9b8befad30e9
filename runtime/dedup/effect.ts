/** What an effect is given beside its arguments. */
export interface EffectCall {
  /**
   * A key for the other side (Stripe's `Idempotency-Key` and the like): the same in every try of this effect for this
   * message, made of consumer name, key and effect name (R27). 43 characters of base64url.
   */
  readonly idempotencyKey: string;
  /**
   * Fires before the lease ends. An effect that goes on after it may run beside its successor: pass it to `fetch`
   * (R27).
   */
  readonly signal: AbortSignal;
}

/** What a look-up at the other side found. */
export type Finding<Result> =
  /** The effect has happened; `result` is kept as if it had just returned it. */
  | { readonly kind: 'done'; readonly result: Result }
  /** It has not happened, and no earlier call can still make it happen. */
  | { readonly kind: 'not-done' }
  /** The other side cannot tell yet. */
  | { readonly kind: 'unclear' };

/**
 * What to do when nobody knows whether the effect happened: it threw, or its process died (R26).
 *
 * - `block`: never again by itself. At most one call. The message goes to the dead-letter queue, the effect is
 *   listed, a person
 *   unlocks it.
 * - `retry`: call again with the same key and the same arguments. Right only where the other side drops a second call
 *   with a key
 *   it knows; and only for as long as it remembers, afterwards it is `block` (R27).
 * - `reconcile`: ask the other side first, when no earlier call can act any more.
 */
export type OnUnknown<Args, Result> =
  | 'block'
  | {
      readonly retry: {
        /**
         * How long the other side drops a second call with a key it has seen, counted from the first. Stripe: 24
         * hours at the least.
         *
         * @see https://docs.stripe.com/api/idempotent_requests
         */
        readonly keyWindowSeconds: number;
      };
    }
  | {
      /** Must be read-only; a throw of it is `unclear`. */
      readonly reconcile: LookUp<Args, Result>;
    };

/** Asks the other side whether the effect happened. */
export type LookUp<Args, Result> = (
  args: Args,
  call: EffectCall,
) => Finding<Result> | Promise<Finding<Result>>;

/** How long a lease lives, and what is assumed of clocks and of the other side. */
export interface LeaseTimes {
  /**
   * How long the effect may take; its signal fires a tenth before the end. The one who comes next waits for it.
   *
   * @default - the time that is left of the invocation
   */
  readonly leaseSeconds?: number;
  /**
   * How long a request that was sent may still take to act at the other side after its sender is gone. @default 60
   */
  readonly maxEffectDelaySeconds?: number;
}

/** An effect outside the store: a mail, a card charge, a call of another service. */
export interface Effect<Args, Result> extends LeaseTimes {
  /**
   * Plain data, at most 100 KB: what JSON holds, and bigint, Date, Map, Set and bytes. Stored at the first claim and
   * replayed in every later try, whatever is given then (R27).
   */
  readonly args: Args;
  /**
   * Makes the effect. What it returns is stored, at most 380 KB, and returned for this message from then on: what
   * JSON holds, and bigint, Date, Map, Set and bytes, each as it was. For anything else, such as a Response, the
   * effect has happened and its result is lost: ResultLost, now and whenever the message comes again.
   */
  readonly run: (args: Args, call: EffectCall) => Result | Promise<Result>;
  /** No default: nobody but you can know what the other side does. */
  readonly onUnknown: OnUnknown<Args, NoInfer<Result>>;
  /**
   * Tells errors that prove that nothing happened (a refused connection, a 4xx of the other side) from all others.
   *
   * @default - only EffectNotStarted proves it
   */
  readonly isDefinite?: (error: unknown) => boolean;
  /**
   * How long one that finds another at work waits for its result before it gives up with LeaseHeld, in milliseconds.
   *
   * @default 0
   */
  readonly waitMs?: number;
}

/**
 * Runs an effect that no transaction can hold, under a lease.
 *
 * Guarantees: at most one owner at a time, as long as clocks agree within `maxClockSkewSeconds` and the effect heeds
 * its signal; an outcome that is written down is never made again, for as long as receipts are kept. Does not
 * guarantee exactly once: what happens when the outcome is unknown is `onUnknown`'s choice.
 *
 * Costs 2 write units, one that is met again 1.
 *
 * @param name of the effect within the message, 1 to 64 of `A-Z a-z 0-9 _ . -`. Stable: the lease hangs on it.
 * @throws LeaseHeld somebody else is at work: the message comes again, which is no failure.
 * @throws EffectBlocked the outcome is unknown and may not be tried again.
 * @throws ResultLost the effect has happened, and its result could not be kept; it is listed like a blocked one.
 * @throws EffectRepeated two effects of one run have the same name; number them.
 * @throws OutcomeUnknown the effect threw: the message comes again and `onUnknown` decides.
 * @throws LeaseLost the effect outlived its lease and another owner has it.
 */
export type Once = <Args, Result>(name: string, effect: Effect<Args, Result>) => Promise<Result>;
