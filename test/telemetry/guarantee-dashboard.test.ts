import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { GuaranteeDashboard } from '../../lib/index.js';
import { constructStack } from '../fixtures/construct-stack.js';
import { alarmsIn, watchedStack } from './watched-stack.js';

interface Widget {
  readonly type: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: { readonly title?: string; readonly markdown?: string; readonly alarms?: string[] };
}

/** The widgets of the dashboard as deployed, tokens in place of names that the deployment makes. */
function widgetsOf(stack: Stack): { widgets: Widget[]; body: string } {
  const [resource] = Object.values(Template.fromStack(stack).findResources('AWS::CloudWatch::Dashboard'));
  const { DashboardBody } = resource?.Properties as {
    DashboardBody: string | { 'Fn::Join': [string, (string | object)[]] };
  };
  const body =
    typeof DashboardBody === 'string'
      ? DashboardBody
      : DashboardBody['Fn::Join'][1]
          .map((part) => (typeof part === 'string' ? part : JSON.stringify(part).replaceAll('"', "'")))
          .join('');
  return { body, widgets: (JSON.parse(body) as { widgets: Widget[] }).widgets };
}

test('every alarm of the stack is on the dashboard, also one that was made after it', () => {
  const stack = watchedStack();
  const { body } = widgetsOf(stack);
  const alarms = alarmsIn(stack);
  expect(alarms.length).toBeGreaterThan(40);
  // Once in the list of states, once with its graph.
  for (const [id] of alarms) expect(body.split(`['${id}','Arn']`)).toHaveLength(3);
});

test('what goes through channels and relays is on it, under their paths', () => {
  const { widgets } = widgetsOf(watchedStack());
  const headings = widgets.flatMap(({ properties: { markdown } }) => markdown ?? []);
  expect(headings).toEqual(
    expect.arrayContaining(['### Stack/Payments', '### Stack/Relay', '### Stack/Hooks', '### Stack/Sink']),
  );
  const titles = widgets.map(({ properties: { title } }) => title);
  expect(titles).toEqual(
    expect.arrayContaining(['Waiting and in flight', 'Sent, again, failed', 'Delivered, again']),
  );
});

test('no widget lies on another', () => {
  const { widgets } = widgetsOf(watchedStack());
  const cells = widgets.flatMap(({ x, y, width, height }) =>
    Array.from({ length: width * height }, (_, i) => `${x + (i % width)} ${y + Math.floor(i / width)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
});

test('no widget of states has more alarms than CloudWatch takes, and none is left out', () => {
  const stack = constructStack();
  const metric = new Metric({ namespace: 'Shop', metricName: 'orders' });
  for (let i = 0; i < 205; i += 1)
    metric.createAlarm(stack, `Alarm${i}`, { threshold: i, evaluationPeriods: 1 });
  new GuaranteeDashboard(stack, 'Dashboard');
  const { widgets } = widgetsOf(stack);
  const states = widgets
    .filter(({ type }) => type === 'alarm')
    .map(({ properties }) => properties.alarms ?? []);
  expect(states.map(({ length }) => length)).toEqual([100, 100, 5]);
  expect(new Set(states.flat()).size).toBe(205);
});

test('a stack without anything to show has an empty dashboard', () => {
  const stack = constructStack();
  new GuaranteeDashboard(stack, 'Dashboard');
  expect(widgetsOf(stack).widgets).toEqual([]);
});
