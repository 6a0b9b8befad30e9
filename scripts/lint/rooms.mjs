/** @type {readonly import('./walls.mjs').Wall[]} Who may not import whom. The rooms are those of docs/architecture.md. */
export const walls = [
  {
    of: ['lib/'],
    never: ['runtime/', 'lambdas/', 'targets/', 'drive/', 'cli/'],
    because: 'lib is synth time: it knows entry files by path only',
  },
  {
    of: ['runtime/'],
    never: ['lib/', 'lambdas/', 'targets/', 'drive/', 'cli/', 'aws-cdk-lib', 'constructs'],
    because: 'runtime is what handlers bundle: no construct, no tooling',
  },
  {
    of: ['bin/'],
    never: ['runtime/', 'lambdas/', 'targets/', 'drive/', 'cli/'],
    because: 'bin builds the stack and nothing else',
  },
  {
    of: ['lambdas/'],
    never: ['lib/', 'targets/', 'drive/', 'cli/', 'aws-cdk-lib', 'constructs'],
    because: 'an entry point wires runtime',
  },
  {
    of: ['targets/', 'drive/', 'prove/', 'scripts/'],
    // It runs the pipeline itself; its auditor is held apart from the sinks by the wall of runtime/cdc/audit.
    but: ['drive/cdc/'],
    never: ['runtime/', 'lambdas/', 'lib/', 'cli/'],
    // What an entry point of the package says of an old Node.js.
    except: ['runtime/telemetry/node-version.ts'],
    because: 'the runner, the driver and the auditor share no code with what they check (R42)',
  },
  {
    of: ['lib/channel/choice/'],
    never: ['lib/', 'aws-cdk-lib', 'constructs'],
    except: ['lib/channel/choice/'],
    because: 'the choice is arithmetic that the command line makes, too, where no CDK is installed',
  },
  {
    of: ['cli/'],
    never: ['lib/', 'lambdas/', 'targets/', 'drive/', 'aws-cdk-lib', 'constructs'],
    except: [
      'targets/local/',
      'targets/embedded/index.ts',
      'targets/text-table.ts',
      'targets/closed-pipe.ts',
      'lib/channel/choice/',
    ],
    because: 'the command line works on what is deployed, through the rooms of runtime',
  },
  {
    of: ['runtime/dedup/'],
    never: ['runtime/', '@aws-sdk', '@smithy', 'aws-lambda'],
    except: ['runtime/dedup/'],
    because: 'the heart knows no room, no SDK and no transport: it states a port, and a room implements it',
  },
  {
    of: ['runtime/'],
    but: [
      'runtime/dynamodb/',
      'runtime/outbox/',
      'runtime/jobs/',
      'runtime/cdc/',
      'runtime/webhook/sender/store/',
    ],
    never: ['@aws-sdk/client-dynamodb', '@aws-sdk/util-dynamodb', '@aws-sdk/lib-dynamodb'],
    because:
      'only dynamodb, outbox, jobs, the sinks and the store of webhooks know the DynamoDB client; use a port of the heart',
  },
  {
    of: ['runtime/'],
    but: [
      'runtime/sqs/',
      'runtime/kafka/dead-letter.ts',
      'runtime/kafka/queue-client.ts',
      'runtime/outbox/targets/',
      'runtime/channel/',
      'runtime/jobs/',
      'runtime/webhook/sender/',
      'runtime/testing/',
    ],
    never: ['@aws-sdk/client-sqs', 'aws-lambda#SQS'],
    because:
      'only the transport, dead letters, the senders, the targets of the outbox and jobs know SQS; use the Transport port',
  },
  {
    of: ['runtime/jobs/postgres/'],
    never: ['runtime/dynamodb/', '@aws-sdk/client-dynamodb', 'pg'],
    because: 'who has jobs on Postgres carries nothing of DynamoDB',
  },
  {
    of: ['runtime/consumer/'],
    never: ['runtime/', '@aws-sdk', 'aws-lambda'],
    except: ['runtime/consumer/', 'runtime/dedup/', 'runtime/telemetry/'],
    because: 'the engine knows the heart and its ports, and neither a store nor a transport',
  },
  {
    of: ['runtime/dynamodb/'],
    never: ['runtime/'],
    except: ['runtime/dynamodb/', 'runtime/dedup/', 'runtime/telemetry/'],
    because: 'a store implements the ports of the heart and knows nobody who uses it',
  },
  {
    of: ['runtime/postgres/'],
    but: ['runtime/postgres/index.ts', 'runtime/postgres/outbox/'],
    never: ['runtime/', '@aws-sdk', 'aws-lambda', 'pg', 'postgres', 'kysely', 'drizzle-orm', 'knex'],
    except: ['runtime/postgres/', 'runtime/dedup/', 'runtime/telemetry/'],
    because:
      'a store implements the ports of the heart and knows nobody who uses it; its entry point puts the parts together, and clients are described by what is used of them',
  },
  {
    of: ['runtime/cdc/'],
    but: ['runtime/cdc/kafka/', 'runtime/cdc/connect/'],
    never: ['runtime/'],
    except: [
      'runtime/cdc/',
      'runtime/dedup/',
      'runtime/dynamodb/attribute-value.ts',
      'runtime/postgres/sql-state.ts',
      'runtime/telemetry/node-version.ts',
      'runtime/telemetry/tell.ts',
      // Of an audit on a schedule.
      'runtime/telemetry/error-line.ts',
      'runtime/telemetry/log-line.ts',
    ],
    because:
      'a sink is no consumer of messages: it shares the heart, how values become attributes, and what Postgres said',
  },
  {
    of: ['runtime/cdc/kafka/'],
    never: ['runtime/', '@confluentinc'],
    except: [
      'runtime/cdc/kafka/',
      'runtime/cdc/dead-letters.ts',
      'runtime/cdc/source.ts',
      'runtime/cdc/errors.ts',
      'runtime/dedup/',
      'runtime/kafka/processor/client-port.ts',
      // One form of a letter in a topic, whoever sends it.
      'runtime/kafka/processor/dead-letter.ts',
      'runtime/kafka/processor/error-codes.ts',
      'runtime/kafka/processor/errors.ts',
      'runtime/kafka/processor/message.ts',
      'runtime/kafka/processor/msk-iam.ts',
      'runtime/telemetry/node-version.ts',
    ],
    because:
      'the log of a sink is a port: it knows neither sinks nor groups, and states what it uses of the client',
  },
  {
    of: ['runtime/cdc/connect/'],
    never: ['runtime/'],
    except: ['runtime/cdc/connect/', 'runtime/cdc/pg-port.ts', 'runtime/dedup/', 'runtime/telemetry/'],
    because: 'what runs a worker of Connect knows neither sinks nor the log that they read',
  },
  {
    of: ['runtime/cdc/audit/'],
    never: ['runtime/cdc/'],
    except: [
      'runtime/cdc/audit/',
      'runtime/cdc/change.ts',
      'runtime/cdc/position.ts',
      'runtime/cdc/source.ts',
      'runtime/cdc/pg-port.ts',
      'runtime/cdc/s3-client.ts',
    ],
    because: 'the auditor shares no code with the sinks that it judges (R42)',
  },
  {
    of: ['runtime/kafka/processor/'],
    never: ['runtime/', '@aws-sdk', 'aws-lambda', '@confluentinc'],
    except: [
      'runtime/kafka/processor/',
      'runtime/dedup/',
      'runtime/telemetry/',
      'runtime/dynamodb/lease-store.ts',
    ],
    because:
      "Kafka's own transaction is the store: it needs no other, states what it uses of the client, and leases slots only",
  },
  {
    of: ['runtime/telemetry/', 'runtime/http/', 'runtime/send/'],
    never: ['runtime/'],
    except: ['runtime/telemetry/', 'runtime/http/', 'runtime/send/', 'runtime/dedup/'],
    because: 'everybody may use it, so it knows nobody but the heart',
  },
];
