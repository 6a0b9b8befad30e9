import type { Violation } from '../guarantees/invalid-props.js';
import { nameViolations } from '../guarantees/stable-name.js';
import { deadLettersApart } from '../kafka/dead-letters-apart.js';
import type { SinkServiceProps } from './sink-service-props.js';

/** What is wrong with the props of a sink. */
export function sinkServiceViolations(props: SinkServiceProps): Violation[] {
  const { sinkName, kafkaCluster, bootstrapServers, topics = [], deadLetterTopic } = props;
  const violations = nameViolations(
    'sink-name',
    'sinkName',
    sinkName,
    'where the sink stands is found by it',
  );
  const given = [kafkaCluster !== undefined, bootstrapServers !== undefined, topics.length > 0];
  if (new Set(given).size > 1 || (deadLetterTopic !== undefined && !given.every(Boolean)))
    violations.push({
      id: 'kafka-whole',
      given: `of kafkaCluster, bootstrapServers and topics ${given.filter(Boolean).length} are given${deadLetterTopic === undefined ? '' : ', and a deadLetterTopic'}`,
      allowed: 'all three, or none and no `deadLetterTopic`',
      change: 'give `kafkaCluster`, `bootstrapServers` and `topics`',
    });
  violations.push(...deadLettersApart(deadLetterTopic, topics, 'topics'));
  return violations;
}
