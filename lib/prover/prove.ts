import { findingOf, type Detected } from './detected.js';
import { type Finding, FindingLevel } from './finding.js';
import { identityFindings } from './identity-rules.js';
import { mappingFindings, sharedQueues, sharedReservations } from './mapping-rules.js';
import { queuePaths } from './queue-path.js';
import { queueFindings } from './queue-rules.js';
import { streamFindings } from './stream-rules.js';
import type { Templates } from './templates.js';
import { watchFindings } from './watch-rules.js';

/** Everything that was found, with the resource that it was found at. */
export function detect(templates: Templates): Detected[] {
  const paths = queuePaths(templates);
  const found = [
    ...paths.flatMap((path) => [
      ...queueFindings(path),
      ...mappingFindings(path),
      ...identityFindings(path, templates),
      ...watchFindings(path, templates),
    ]),
    ...sharedQueues(paths),
    ...sharedReservations(paths),
    ...streamFindings(templates),
  ].filter((one) => one !== undefined);
  // A queue with two functions is judged for each; what is the same is said once.
  return [...new Map(found.map((one) => [JSON.stringify(findingOf(one)), one])).values()];
}

/** The findings, the surest first. */
export function findingsOf(detected: readonly Detected[]): Finding[] {
  const order = Object.values(FindingLevel);
  return detected.map(findingOf).sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}
