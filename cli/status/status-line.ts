/** One thing that is shown of a part: how many, since when, and what mends it. */
export interface StatusLine {
  /** Name of the consumer, or of the outbox's table. */
  readonly of: string;
  readonly what: string;
  /** Undefined: not known. */
  readonly count: number | undefined;
  /** ISO 8601: since when the oldest is so. */
  readonly since?: string;
  /** Somebody has to look: it does not mend itself. */
  readonly needsPerson: boolean;
  readonly details: readonly StatusDetail[];
  /** Command that mends it, without names. */
  readonly mend: string;
  /** Page below docs/ that says more. */
  readonly page: string;
}

export interface StatusDetail {
  readonly what: string;
  /** ISO 8601; undefined: it was never otherwise. */
  readonly since?: string;
  readonly reason: string;
}

/** What is listed for longer needs a person; what is younger may yet mend itself. As the alarms of the constructs. */
export const patienceMs = 10 * 60_000;

/** Details that are kept of one line. The count is of all. */
export const mostDetails = 100;

/** The parts of a line that only hang on what is listed. */
export function listed(details: readonly StatusDetail[]) {
  const [since] = details.flatMap((one) => one.since ?? []).sort();
  return { count: details.length, since, details: details.slice(0, mostDetails) };
}

/** The parts of a line about which nothing is known: which is not fine. */
export const unknown = { count: undefined, needsPerson: true, details: [] } as const;
