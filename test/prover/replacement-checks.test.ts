import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { App, Duration, NestedStack, RemovalPolicy, Stack, Stage, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AttributeType, Table, type TableProps } from 'aws-cdk-lib/aws-dynamodb';
import { Queue, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { ChannelKind, MessageChannel, ReplacementChecks } from '../../lib/index.js';
import { statefulTypes } from '../../lib/prover/stateful-resources.js';
import { constructStack } from '../fixtures/construct-stack.js';
import { synthesize, type Synthesized } from './checked-app.js';

let deployed: string;
beforeEach(() => {
  deployed = mkdtempSync(join(tmpdir(), 'deployed-'));
});
afterEach(() => {
  rmSync(deployed, { recursive: true });
});

type Build = (stack: Stack) => unknown;

/** Deploys one state of a stack, and synthesizes the next. */
function over(before: Build, next: Build, wrap = (template: object): object => template): Synthesized {
  const stack = constructStack();
  before(stack);
  const template = wrap(Template.fromStack(stack).toJSON());
  writeFileSync(join(deployed, 'Stack.template.json'), JSON.stringify(template));
  return synthesize(
    (app) => next(new Stack(app, 'Stack')),
    new ReplacementChecks({ deployedTemplates: deployed }),
  );
}

const queue =
  (props: QueueProps = {}, id = 'Queue'): Build =>
  (stack) =>
    new Queue(stack, id, props);

const table =
  (props: Partial<TableProps> = {}): Build =>
  (stack) =>
    new Table(stack, 'Table', { partitionKey: { name: 'id', type: AttributeType.STRING }, ...props });

const named = (name: string, type: AttributeType) => ({ partitionKey: { name, type } });

test.each<[string, Build, Build, string]>([
  ['a queue becomes FIFO', queue(), queue({ fifo: true }), 'FifoQueue changes: its messages are deleted'],
  ['a queue gets a name', queue(), queue({ queueName: 'orders' }), 'QueueName changes'],
  [
    'a queue that is retained gets a name: its messages are left',
    queue({ removalPolicy: RemovalPolicy.RETAIN }),
    queue({ queueName: 'orders', removalPolicy: RemovalPolicy.RETAIN }),
    'its messages stay behind',
  ],
  [
    'a construct is renamed',
    queue(),
    queue({}, 'Orders'),
    'no longer in the template: its messages are deleted',
  ],
  ['a key is renamed', table(), table(named('key', AttributeType.STRING)), 'KeySchema changes'],
  [
    'a key changes its type',
    table(),
    table(named('id', AttributeType.NUMBER)),
    'AttributeDefinitions changes',
  ],
  [
    'a channel changes its kind',
    (stack) => new MessageChannel(stack, 'Channel', { kind: ChannelKind.STANDARD }),
    (stack) => new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO }),
    'FifoQueue changes: its messages stay behind',
  ],
])('%s: the synth fails', (_what, before, next, says) => {
  const { reported, fails } = over(before, next);
  expect(fails).toBe(true);
  expect(reported.map(({ description }) => description)).toContainEqual(expect.stringContaining(says));
});

test.each<[string, Build, Build]>([
  ['nothing', queue(), queue()],
  ['an attribute of a queue', queue(), queue({ visibilityTimeout: Duration.minutes(1) })],
  [
    'an index of a table, and the type of its key',
    table(),
    (stack) => {
      const made = new Table(stack, 'Table', named('id', AttributeType.STRING));
      made.addGlobalSecondaryIndex({ indexName: 'by-time', ...named('at', AttributeType.NUMBER) });
    },
  ],
])('%s changes: nothing is said', (_what, before, next) => {
  expect(over(before, next)).toEqual({ reported: [], fails: false });
});

test('the answer of get-template is read as it comes', () => {
  expect(over(queue(), queue({ fifo: true }), (TemplateBody) => ({ TemplateBody })).fails).toBe(true);
});

test('a stack that is not deployed yet is new', () => {
  const plugin = new ReplacementChecks({ deployedTemplates: deployed });
  expect(synthesize((app) => new Queue(new Stack(app, 'Other'), 'Queue'), plugin).fails).toBe(false);
});

test('a cloud assembly holds the stacks of each stage apart', () => {
  const build = (app: App, fifo: boolean) => {
    new Queue(new Stack(new Stage(app, 'Dev'), 'Orders', { stackName: 'Orders' }), 'Queue');
    new Queue(new Stack(new Stage(app, 'Prod'), 'Orders', { stackName: 'Orders' }), 'Queue', { fifo });
  };
  const before = new App({ outdir: deployed });
  build(before, false);
  before.synth();
  const over = (fifo: boolean) =>
    synthesize(
      (app) => {
        build(app, fifo);
      },
      new ReplacementChecks({ deployedTemplates: deployed }),
    );
  expect(over(false).fails).toBe(false);
  expect(over(true).reported.flatMap(({ paths }) => paths)).toEqual(['Prod/Orders/Queue/Resource']);
});

describe('a nested stack that is removed', () => {
  const nestedIn = (stack: Stack, id: string, removalPolicy: RemovalPolicy): NestedStack => {
    const nested = new NestedStack(stack, id);
    new Queue(nested, 'Queue', { removalPolicy });
    return nested;
  };
  const build = (app: App): void => {
    const stack = new Stack(app, 'Stack');
    nestedIn(nestedIn(stack, 'Outer', RemovalPolicy.RETAIN), 'Inner', RemovalPolicy.DESTROY);
  };
  const said = (next: (app: App) => unknown): readonly string[] =>
    synthesize(next, new ReplacementChecks({ deployedTemplates: deployed })).reported.map(
      ({ description }) => description,
    );
  const empty = (app: App) => new Stack(app, 'Stack');
  /** As the CDK CLI tells the app to. */
  const context = { 'aws:cdk:enable-asset-metadata': true };

  test('what it and the stacks nested in it hold is told, with what becomes of it', () => {
    const before = new App({ outdir: deployed, context });
    build(before);
    before.synth();
    expect(said(build)).toEqual([]);
    expect(said(empty)).toEqual([
      expect.stringMatching(/^AWS::SQS::Queue Outer.*\/Queue.* its messages stay behind/),
      expect.stringMatching(/^AWS::SQS::Queue Outer.*\/Inner.*\/Queue.* its messages are deleted/),
    ]);
  });

  test('nothing in it is deleted when it is kept itself', () => {
    const before = new App({ outdir: deployed, context });
    const kept = nestedIn(new Stack(before, 'Stack'), 'Kept', RemovalPolicy.DESTROY);
    kept.nestedStackResource?.applyRemovalPolicy(RemovalPolicy.RETAIN);
    before.synth();
    expect(said(empty)).toEqual([expect.stringMatching(/its messages stay behind/)]);
  });

  test('without its template nobody knows what it holds', () => {
    const before = new App();
    build(before);
    const { template } = before.synth().getStackByName('Stack') as { template: unknown };
    writeFileSync(join(deployed, 'Stack.template.json'), JSON.stringify(template));
    expect(said(build)).toEqual([]);
    expect(said(empty)).toEqual([
      expect.stringMatching(/^the nested stack Outer.* what it holds is not known$/),
    ]);
  });
});

test("every property that the CDK CLI's database calls a replacement is looked at", () => {
  const causing = replacingProperties();
  for (const [type, { replacedBy }] of Object.entries(statefulTypes))
    expect({ type, replacedBy: [...replacedBy].sort() }).toEqual({ type, replacedBy: causing.get(type) });
});

/** By type, in the order of their names, as the file says that `cdk diff` reads. */
function replacingProperties(): ReadonlyMap<string, readonly string[]> {
  const file = join(dirname(require.resolve('aws-cdk/package.json')), 'db.json.gz');
  const found = new Map<string, readonly string[]>();
  JSON.parse(gunzipSync(readFileSync(file)).toString(), (_, value: unknown) => {
    const { cloudFormationType: type, properties } = Object(value) as {
      cloudFormationType?: unknown;
      properties?: Record<string, { causesReplacement?: string }>;
    };
    if (typeof type === 'string' && properties !== undefined)
      found.set(
        type,
        Object.keys(properties)
          .filter((name) => properties[name]?.causesReplacement === 'yes')
          .sort(),
      );
    return value;
  });
  return found;
}

test('a replacement that is meant is acknowledged, with its reason', () => {
  const { fails } = over(queue(), (stack) => {
    const fifo = new Queue(stack, 'Queue', { fifo: true });
    const reason = 'migrated: the old queue is empty';
    Validations.of(fifo).acknowledge({ id: 'ExactlyOnceReplacement::stateful-replaced', reason });
  });
  expect(fails).toBe(false);
});

test('a directory that does not exist is no first deployment', () => {
  expect(() => new ReplacementChecks({ deployedTemplates: join(deployed, 'missing') })).toThrow(
    /must be a directory that exists/,
  );
});
