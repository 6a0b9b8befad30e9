/** Of requests lost, of answers lost, of messages put on the queue again. */
export const faultShare = 0.05;

/** Kills per purchase. */
export const killShare = 0.04;

/** The same where few purchases have to show what a kill does. */
export const killShareSideBySide = 0.08;
