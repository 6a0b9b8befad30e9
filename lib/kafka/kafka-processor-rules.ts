import { Token } from 'aws-cdk-lib';
import type { Violation } from '../guarantees/invalid-props.js';
import { nameViolations } from '../guarantees/stable-name.js';
import { deadLettersApart } from './dead-letters-apart.js';
import type { KafkaProcessorProps } from './kafka-processor-props.js';

const topicPattern = /^[A-Za-z0-9_.-]{1,249}$/;
/** An Application Auto Scaling step policy takes 20 steps. */
const mostTasks = 20;

/** What is wrong with the props of a Kafka processor. */
export function kafkaProcessorViolations(props: KafkaProcessorProps): Violation[] {
  const { consumerName, inputTopics, outputTopics, deadLetterTopic, minTasks = 1, maxTasks = 4 } = props;
  const violations = nameViolations(
    'consumer-name-stable',
    'consumerName',
    consumerName,
    'the offsets of its group are found by it',
  );
  if (inputTopics.length === 0)
    violations.push({
      id: 'topics-named',
      given: 'inputTopics is empty',
      allowed: 'at least one topic',
      change: 'name what is read in `inputTopics`',
    });
  const topics = [
    ...inputTopics,
    ...outputTopics,
    ...(deadLetterTopic === undefined ? [] : [deadLetterTopic]),
  ];
  for (const topic of topics)
    if (!Token.isUnresolved(topic) && !topicPattern.test(topic))
      violations.push({
        id: 'topics-named',
        given: `a topic is '${topic}'`,
        allowed: '1 to 249 of A-Z a-z 0-9 _ . -',
        change: 'give the name of a topic; permissions are for these and no others',
      });
  violations.push(...deadLettersApart(deadLetterTopic, inputTopics, 'inputTopics'));
  if (minTasks < 1 || maxTasks < minTasks || maxTasks > mostTasks)
    violations.push({
      id: 'tasks-in-range',
      given: `minTasks is ${minTasks} and maxTasks is ${maxTasks}`,
      allowed: `1 <= minTasks <= maxTasks <= ${mostTasks}`,
      change: 'change `minTasks` or `maxTasks`; a topic feeds as many tasks as it has partitions',
    });
  return violations;
}
