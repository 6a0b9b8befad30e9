import { CfnResource, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { averageMonthDays, exactly, tidy } from './cost.js';
import type { IdleCost } from './guarantee-claims.js';
import { prices } from './prices.js';

/** Nobody says how often Lambda looks at an empty queue: five pollers are documented, a long poll waits 20 s. */
const pollers = 5;
const longPollSeconds = 20;
const monthSeconds = averageMonthDays * 86_400;

/** What Lambda's empty receives on a queue cost. Requests without messages are no fair-queue requests. */
export function pollingCost(fifo: boolean): IdleCost {
  const price = fifo ? prices.millionFifoRequests : prices.millionStandardRequests;
  const millions = (pollers * monthSeconds) / longPollSeconds / 1e6;
  return {
    part: `empty receives on the ${fifo ? 'FIFO' : 'Standard'} queue`,
    how: `${pollers} pollers, a call each ${longPollSeconds} s: ${tidy(millions)} million x ${exactly(price)}`,
    dollars: millions * price,
  };
}

/** What a schedule that fires each so many seconds costs, with the invocations that it makes. */
export function scheduleCost(part: string, everySeconds: number): IdleCost {
  const millions = monthSeconds / everySeconds / 1e6;
  const price = prices.millionScheduled + prices.millionInvocations;
  return {
    part,
    how: `${Math.round(millions * 1e6).toLocaleString('en-US')} x (${exactly(prices.millionScheduled)} + ${exactly(prices.millionInvocations)}) a million`,
    dollars: millions * price,
  };
}

export interface RunningTasks {
  readonly tasks: number;
  /** In units of 1/1024 vCPU. */
  readonly cpu: number;
  readonly memoryLimitMiB: number;
}

/** What tasks on Fargate (ARM) cost that stay running. Nothing where a size is known at deployment only. */
export function tasksCost(part: string, { tasks, cpu, memoryLimitMiB }: RunningTasks): IdleCost[] {
  if ([tasks, cpu, memoryLimitMiB].some((value) => Token.isUnresolved(value))) return [];
  const [cores, gigabytes] = [cpu / 1024, memoryLimitMiB / 1024];
  const hours = monthSeconds / 3_600;
  const { fargateArmCoreHour: core, fargateArmGigabyteHour: gigabyte } = prices;
  return [
    {
      part,
      how: `${tasks} x ${tidy(hours)} hours x (${tidy(cores)} vCPU x ${exactly(core)} + ${tidy(gigabytes)} GB x ${exactly(gigabyte)})`,
      dollars: tasks * hours * (cores * core + gigabytes * gigabyte),
    },
  ];
}

/** Alarms, keys and firewalls below a construct, whoever has made them. */
export function standingCosts(root: IConstruct): IdleCost[] {
  const resources = root.node.findAll().filter((node) => CfnResource.isCfnResource(node));
  const ofType = (type: string) => resources.filter(({ cfnResourceType }) => cfnResourceType === type);
  const standing = (part: string, count: number, price: number): IdleCost[] =>
    count === 0 ? [] : [{ part, how: `${count} x ${exactly(price)}`, dollars: count * price }];
  const metrics = ofType('AWS::CloudWatch::Alarm').reduce((sum, alarm) => sum + metricsOf(alarm), 0);
  return [
    ...standing('metrics that alarms watch', metrics, prices.alarmMonth),
    ...standing('KMS keys', ofType('AWS::KMS::Key').length, prices.keyMonth),
    ...standing('web ACLs', ofType('AWS::WAFv2::WebACL').length, prices.webAclMonth),
  ];
}

/** An alarm on an expression is paid by the metrics in it. */
function metricsOf(alarm: CfnResource): number {
  const { metrics } = alarm as unknown as { readonly metrics?: unknown };
  if (!Array.isArray(metrics)) return 1;
  return metrics.filter((metric: { metricStat?: unknown }) => metric.metricStat !== undefined).length;
}
