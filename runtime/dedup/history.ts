/**
 * What is known of a message's earlier deliveries. A transport counts deliveries, which are not failures: a message
 * that waited behind another one has been delivered just as often as the one that failed (R19).
 */
export interface History {
  /** Deliveries that came to nothing for no fault of the message: it was not tried, or had to wait. */
  readonly excused: number;
  /** Times that its handler or its commit failed. */
  readonly failed: number;
  /**
   * Times that it was started alone and nobody wrote down what became of it: its process died, and nobody else was
   * there.
   */
  readonly alone: number;
  /** How many were started together when it was last started without a word since. 0: no such start. */
  readonly company: number;
  /** Its body and its key were read when it was last started alone: that is not what kills. */
  readonly readable: boolean;
  /** It is kept elsewhere: whatever is still delivered of it is done with. */
  readonly parked: boolean;
  /**
   * Why it was given up, `name: message`: its dead letter is sent, and whatever is still delivered of it is done
   * with.
   */
  readonly gaveUp?: string;
}

export const noHistory: History = {
  excused: 0,
  failed: 0,
  alone: 0,
  company: 0,
  readable: false,
  parked: false,
};

/** What one delivery adds to the history of a message. */
export interface Note {
  /**
   * Of the message at its transport: the history belongs to what is counted there, and a redriven copy starts anew.
   */
  readonly id: string;
  readonly kind: 'failed' | 'excused' | 'readable' | 'lettered';
  /** Why, for people. At most 1,000 characters are kept. */
  readonly reason?: string;
  /** It had been started as a suspect, and lives: what was written down about that is over. */
  readonly survived?: boolean;
}

/** A history with one more note, as the store makes it. */
export function noted(history: History, { kind, reason, survived }: Note): History {
  return {
    ...history,
    ...(kind === 'readable'
      ? { readable: true }
      : kind === 'lettered'
        ? { gaveUp: reason ?? '' }
        : { [kind]: history[kind] + 1 }),
    ...(survived && { alone: 0, company: 0 }),
  };
}
