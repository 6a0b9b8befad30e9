/** What is open for each payload. By identity where the payload is an object: a handler may change what is in it. */
export class ClaimBook<Claim> {
  readonly #objects = new WeakMap<object, Claim>();
  readonly #values = new Map<unknown, Claim>();

  get(payload: unknown): Claim | undefined {
    return isObject(payload) ? this.#objects.get(payload) : this.#values.get(payload);
  }

  open(payload: unknown, claim: Claim): void {
    if (isObject(payload)) this.#objects.set(payload, claim);
    else this.#values.set(payload, claim);
  }

  /** The claim of the payload, which is no longer open then. */
  close(payload: unknown): Claim | undefined {
    const claim = this.get(payload);
    if (isObject(payload)) this.#objects.delete(payload);
    else this.#values.delete(payload);
    return claim;
  }
}

function isObject(payload: unknown): payload is object {
  return typeof payload === 'object' && payload !== null;
}
