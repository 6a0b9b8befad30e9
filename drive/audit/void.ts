/** What every audit has counted, whatever the path. */
export interface Counted {
  /** Payments or events that were sent. */
  readonly sent: number;
  readonly effects: number;
  /** Messages the source queue still holds. */
  readonly leftInQueue: number;
}

/**
 * What makes an audit void (R58): one that saw nothing sent, or nothing happen, has shown nothing, and a figure that
 * is no number hides what it should say.
 *
 * @returns a finding each.
 */
export function voidFindings({ sent, effects, leftInQueue }: Counted): (string | undefined)[] {
  return [
    counts(sent) && sent > 0 ? undefined : `${sent} were sent: there is nothing to audit`,
    counts(effects) && effects > 0
      ? undefined
      : `${effects} have acted: an audit that saw nothing has failed`,
    leftInQueue === 0 ? undefined : `${leftInQueue} messages are still in the queue`,
  ];
}

function counts(figure: number): boolean {
  return Number.isSafeInteger(figure) && figure >= 0;
}
