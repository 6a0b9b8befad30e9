import { Token } from 'aws-cdk-lib';
import type { Violation } from '../guarantees/invalid-props.js';
import { nameViolations } from '../guarantees/stable-name.js';
import type { DebeziumConnectorProps } from './debezium-connector-props.js';

/** 3.7.0.Final, or later. A test holds it to the version that the sinks demand of each record. */
export function isSafeDebezium(version: string): boolean {
  const [, major, minor, patch, kind] = /^(\d+)\.(\d+)\.(\d+)\.(\w+)$/.exec(version) ?? [];
  if (kind === undefined) return false;
  const [a, b, c] = [Number(major), Number(minor), Number(patch)];
  if (a !== 3) return a > 3;
  if (b !== 7) return b > 7;
  return c > 0 || kind === 'Final';
}

/** What is wrong with the props of a connector. */
export function debeziumViolations(props: DebeziumConnectorProps): Violation[] {
  const { debeziumVersion, tables, databasePassword, slotName } = props;
  const violations: (Violation | undefined)[] = [
    ...nameViolations('topic-prefix', 'topicPrefix', props.topicPrefix, 'topics and offsets are found by it'),
    isSafeDebezium(debeziumVersion)
      ? undefined
      : {
          id: 'debezium-loses-rows',
          given: `debeziumVersion is '${debeziumVersion}'`,
          allowed: '3.7.0.Final or later: earlier ones can lose committed rows when they are restarted',
          change: 'put the jars of 3.7.0.Final or later into the image of the worker, and say so',
        },
    tables.length > 0 && tables.every((table) => /^[^.\s]+\.[^.\s]+$/.test(table))
      ? undefined
      : {
          id: 'tables-named',
          given: `tables is [${tables.join(', ')}]`,
          allowed: 'at least one, each with its schema',
          change: 'name them as `public.payments`',
        },
    /^\$\{[a-zA-Z]+:.+\}$/.test(databasePassword) || Token.isUnresolved(databasePassword)
      ? undefined
      : {
          id: 'password-by-reference',
          given: '`databasePassword` is plain text',
          allowed: "a reference to one of the worker's config providers",
          change: 'give one such as `${secretsManager:shop/debezium:password}`',
        },
    slotName === undefined || /^[a-z0-9_]{1,63}$/.test(slotName)
      ? undefined
      : {
          id: 'slot-name',
          given: `slotName is '${slotName}'`,
          allowed: '1 to 63 of a-z 0-9 _',
          change: 'choose another `slotName`',
        },
  ];
  return violations.filter((violation) => violation !== undefined);
}
