/** Of a copy in the dead-letter queue, and of one that was redriven: the JSON of a DeadLetter. */
export const deadLetterAttribute = 'ExactlyOnce';

/** Of a nudge: the stream that its consumer is to drain. The body says nothing. */
export const resumeAttribute = 'ExactlyOnceResume';

/** Of a nudge: the JSON of the position in an aggregate that its consumer is to pass over. The body says nothing. */
export const passOverAttribute = 'ExactlyOncePassOver';

/** The sender's: the identity of the message. It stays through retries, redrives and another queue. */
export const keyAttribute = 'ExactlyOnceKey';
