import { Lazy, Names, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  AlarmStatusWidget,
  AlarmWidget,
  CfnDashboard,
  Column,
  GraphWidget,
  type IMetric,
  type IWidget,
  Row,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct, type IConstruct } from 'constructs';
import { ChannelBase } from '../channel/channel-base.js';
import { OutboxRelay } from '../outbox/outbox-relay.js';
import { WebhookSender } from '../webhook/webhook-sender.js';

export interface GuaranteeDashboardProps {
  /** @default - made of the path of the construct */
  readonly dashboardName?: string;

  /**
   * What is shown: everything in this part of the tree that belongs to the stack of the dashboard.
   *
   * @default - the whole stack
   */
  readonly of?: IConstruct;
}

/** CloudWatch counts columns so, and takes as many widgets of one row. */
const width = 24;
const perRow = 3;
const height = 6;
/**
 * What a widget of states takes.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
const alarmsPerWidget = 100;

/**
 * A CloudWatch dashboard of a stack: the state of all its alarms, each with its graph and threshold, and what goes
 * through its channels, relays and webhook senders. It is drawn when the stack is synthesized, so constructs and
 * alarms that are made after it are on it, too, also those of other libraries.
 *
 * Guarantees nothing by itself; costs what CloudWatch takes for a dashboard, $3 a month beyond the first three.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
 */
export class GuaranteeDashboard extends Construct {
  public readonly dashboardName: string;

  constructor(scope: Construct, id: string, props: GuaranteeDashboardProps = {}) {
    super(scope, id);
    const stack = Stack.of(this);
    const dashboard = new CfnDashboard(this, 'Resource', {
      dashboardName: props.dashboardName ?? Names.uniqueResourceName(this, { maxLength: 255 }),
      dashboardBody: Lazy.string({ produce: () => stack.toJsonString(bodyOf(props.of ?? stack, stack)) }),
    });
    this.dashboardName = dashboard.ref;
  }
}

function bodyOf(root: IConstruct, stack: Stack): object {
  const shown = root.node.findAll().filter((construct) => Stack.of(construct) === stack);
  const alarms = shown.filter((construct) => construct instanceof Alarm);
  const column = new Column(...statesOf(alarms), ...shown.flatMap(flowOf), ...watched(alarms));
  column.position(0, 0);
  return { start: '-PT12H', widgets: column.toJson() };
}

/** The state of every alarm, in as few widgets as CloudWatch takes. */
function statesOf(alarms: readonly Alarm[]): IWidget[] {
  return Array.from({ length: Math.ceil(alarms.length / alarmsPerWidget) }, (_, i) => {
    const part = alarms.slice(i * alarmsPerWidget, (i + 1) * alarmsPerWidget);
    return new AlarmStatusWidget({
      title: i === 0 ? 'Alarms' : `Alarms, ${i + 1}`,
      alarms: part,
      width,
      height,
    });
  });
}

/** What goes through a construct. */
function flowOf(construct: IConstruct): IWidget[] {
  if (construct instanceof ChannelBase)
    return [
      heading(construct),
      new Row(
        graph('Waiting and in flight', construct.metricWaitingMessages(), construct.metricInFlightMessages()),
        graph('Age of the oldest message (s)', construct.metricOldestMessageAge()),
        graph('Dead letters', construct.metricDeadLetters()),
      ),
    ];
  if (construct instanceof OutboxRelay)
    return [
      heading(construct),
      new Row(
        graph(
          'Sent, again, failed',
          construct.metricSent(),
          construct.metricResent(),
          construct.metricFailed(),
        ),
        graph('Lag', construct.metricLag(), construct.metricOldestUnsent()),
        graph('Stuck streams', construct.metricStuckStreams()),
      ),
    ];
  if (construct instanceof WebhookSender)
    return [
      heading(construct),
      new Row(
        graph('Delivered, again', construct.metricDelivered(), construct.metricRetried()),
        graph('Given up', construct.metricExhausted()),
        graph('Failed on this side', construct.metricOwnTrouble()),
      ),
    ];
  return [];
}

/** The graphs of the alarms, under the construct that each belongs to. */
function watched(alarms: readonly Alarm[]): IWidget[] {
  const owners = new Map<IConstruct | undefined, Alarm[]>();
  for (const alarm of alarms) {
    const { scope } = alarm.node;
    owners.set(scope, [...(owners.get(scope) ?? []), alarm]);
  }
  return [...owners].flatMap(([owner, ofOwner]) => [
    ...(owner === undefined ? [] : [heading(owner)]),
    ...rowsOf(
      ofOwner.map((alarm) => new AlarmWidget({ title: alarm.node.id, alarm, width: width / perRow, height })),
    ),
  ]);
}

function rowsOf(widgets: readonly IWidget[]): IWidget[] {
  const rows = Math.ceil(widgets.length / perRow);
  return Array.from({ length: rows }, (_, i) => new Row(...widgets.slice(i * perRow, (i + 1) * perRow)));
}

function heading({ node }: IConstruct): IWidget {
  return new TextWidget({ markdown: `### ${node.path}`, width, height: 1 });
}

function graph(title: string, ...left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: width / perRow, height });
}
