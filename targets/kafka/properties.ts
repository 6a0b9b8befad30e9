/** Where one node of the cluster listens, and keeps its data. */
export interface NodePlace {
  /** From 1. */
  readonly id: number;
  readonly port: number;
  /** Where clients are told that it listens: of something in front of it. @default port */
  readonly advertisedPort?: number;
  readonly controllerPort: number;
  readonly dataFolder: string;
}

/**
 * A node for tests, broker and controller in one: small, quick to start, quick to notice a dead member or a
 * transaction whose time is over. Three or more nodes are what people run: replicas on three of them, of which two
 * must have what is acknowledged.
 *
 * @param isGuarded it has an authorizer, which lets everybody do everything until it is told otherwise
 */
export function brokerProperties(node: NodePlace, nodes: readonly NodePlace[], isGuarded: boolean): string {
  const [replicas, inSync] = nodes.length < 3 ? [1, 1] : [3, 2];
  const voters = nodes.map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`);
  return [
    'process.roles=broker,controller',
    `node.id=${node.id}`,
    `controller.quorum.voters=${voters.join(',')}`,
    'controller.listener.names=CONTROLLER',
    `listeners=PLAINTEXT://127.0.0.1:${node.port},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${node.advertisedPort ?? node.port}`,
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    `log.dirs=${node.dataFolder}`,
    'num.partitions=4',
    'auto.create.topics.enable=false',
    `default.replication.factor=${replicas}`,
    `min.insync.replicas=${inSync}`,
    `offsets.topic.replication.factor=${replicas}`,
    'offsets.topic.num.partitions=4',
    `transaction.state.log.replication.factor=${replicas}`,
    `transaction.state.log.min.isr=${inSync}`,
    'transaction.state.log.num.partitions=4',
    `share.coordinator.state.topic.replication.factor=${replicas}`,
    `share.coordinator.state.topic.min.isr=${inSync}`,
    'group.initial.rebalance.delay.ms=0',
    'group.min.session.timeout.ms=1000',
    'transaction.abort.timed.out.transaction.cleanup.interval.ms=1000',
    'log.cleaner.dedupe.buffer.size=4194304',
    // A deleted topic's files go at once, so that the tests of recreated topics find none.
    'file.delete.delay.ms=1000',
    ...(isGuarded
      ? [
          'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
          'allow.everyone.if.no.acl.found=true',
        ]
      : []),
    '',
  ].join('\n');
}
