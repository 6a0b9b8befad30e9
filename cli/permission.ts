import { ExactlyOnceError } from '../runtime/dedup/errors.js';

/** What AWS services call it when the caller may not make a call. */
const denied =
  /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|NotAuthorized|AuthorizationError|KMSAccessDeniedException|KmsAccessDenied|AWS\.SimpleQueueService\.AccessDenied)$/;

/** Whether a call was refused because the caller has no permission for it; also below an error of ours. */
export function isDenied(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return denied.test(error.name) || (error instanceof ExactlyOnceError && isDenied(error.cause));
}

/**
 * What is not known, for want of a permission mostly. A permission is said once, however many calls need it. What is
 * not known is never taken for fine.
 */
export class NotKnown {
  readonly #reasons = new Map<string, Set<string>>();

  /** One sentence for each reason. */
  get all(): readonly string[] {
    return [...this.#reasons].map(([reason, what]) => `${[...what].join(', ')}: ${reason}`);
  }

  say(what: string, reason: string): void {
    const said = this.#reasons.get(reason) ?? new Set();
    this.#reasons.set(reason, said.add(what));
  }

  /**
   * @param what what is not known then, such as `dead letters of 'payments'`
   * @returns what `ask` returns, undefined when the caller may not ask
   */
  async unlessDenied<T>(what: string, permission: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!isDenied(error)) throw error;
      this.say(what, `no permission for ${permission}`);
      return undefined;
    }
  }
}
