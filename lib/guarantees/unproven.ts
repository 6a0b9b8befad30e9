/** Something that a guarantee rests on and that this app cannot know, because it did not make the resource. */
export interface Unproven {
  /** Stable id; docs/guarantees.md explains each. */
  readonly id: string;
  /** What has to be so, such as `timeout is at most 5 seconds`. */
  readonly required: string;
  /** How somebody can see whether it is so. */
  readonly check: string;
}
