/** The message at which a group stopped. */
export interface GroupHead {
  /** Absent when the body was too broken to tell. */
  readonly key?: string;
  /** SequenceNumber or version. */
  readonly sequence?: string;
  readonly messageId: string;
  /** ISO 8601. */
  readonly firstEnqueue: string;
}

/** Where a group comes from. */
export interface GroupPlace {
  /** Id of the group: the queue's ARN and the MessageGroupId, or an aggregate's item and stream. */
  readonly stream: string;
  /** `aggregate`: one stream of an aggregate, whose later events are parked in its own item. */
  readonly kind: 'group' | 'aggregate';
  readonly queueArn: string;
  readonly group?: string;
}

/** What is stored of a group that is stopped, or was. */
export interface Group extends GroupPlace {
  /** `resuming`, `skipping`: somebody has decided, and the consumer has not finished. `open`: it flows again. */
  readonly state: 'stopped' | 'resuming' | 'skipping' | 'open';
  /** Why it stopped. */
  readonly reason: string;
  /** ISO 8601. */
  readonly since: string;
  readonly head: GroupHead;
  /** Messages ever parked. They are never counted anew, so that an old one is never taken for a new one. */
  readonly parked: number;
  /** Of those, done. The head is the next one. */
  readonly drained: number;
  /** What the person who decided gave as the reason. */
  readonly decision?: string;
  /** Of the write that made the group so. */
  readonly token: string;
}

/** A message as text, with its id at the transport. */
export interface PackedMessage {
  readonly messageId: string;
  readonly text: string;
}

/** A place for one group of a transport. */
export function transportGroup(source: string, group: string): GroupPlace {
  return { stream: `${source}#${group}`, kind: 'group', queueArn: source, group };
}
