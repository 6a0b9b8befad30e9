/** What happens to the messages behind one that has been dead-lettered. */
export enum OnFailure {
  /**
   * Later messages of the group go on. The dead letter may be redriven, and then acts once, after them. For messages
   * that commute, such as payments that are summed.
   */
  SKIP = 'skip',

  /**
   * The group stops, and later messages of it are kept in parking rows in their order, until a person resumes it or
   * passes over the message: `npx exactly-once-aws resume|skip`. Other groups go on. With CommitWay.AGGREGATE it is
   * the stream of one producer for one aggregate that stops, and later events are parked in the aggregate's item.
   *
   * In place of SKIP, on a FIFO queue: for the first 20 minutes what would stop a group comes again, because
   * functions of the deployment before may still be at work.
   */
  STOP = 'stop',
}
