import { createHash } from 'node:crypto';
import type { SchedulerClient } from '@aws-sdk/client-scheduler';
import { unlessMissing } from '../dedup/package-missing.js';

export interface JobSchedule {
  readonly groupName: string;
  readonly roleArn: string;
  readonly queueArn: string;
  readonly jobId: string;
  readonly runAt: Date;
  readonly body: string;
  readonly client: SchedulerClient | undefined;
}

/**
 * Makes a one-time schedule that sends the job's message, and deletes itself. EventBridge Scheduler fires within a
 * minute of the time, at least once; a second message is a duplicate like any other. A schedule of the same job that
 * is there already stays.
 *
 * @throws PackageMissing when `@aws-sdk/client-scheduler` is not installed
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
export async function schedule(job: JobSchedule): Promise<void> {
  // Few jobs wait that long: who has none does not load the client.
  const { CreateScheduleCommand, SchedulerClient } = await import('@aws-sdk/client-scheduler').catch(
    unlessMissing('@aws-sdk/client-scheduler', 'a delay of more than 15 minutes'),
  );
  const client = job.client ?? new SchedulerClient({});
  try {
    await client.send(
      new CreateScheduleCommand({
        Name: createHash('sha256').update(job.jobId).digest('hex'),
        GroupName: job.groupName,
        // Without fractions and zone, as Scheduler wants it; UTC is its default.
        ScheduleExpression: `at(${job.runAt.toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)})`,
        FlexibleTimeWindow: { Mode: 'OFF' },
        ActionAfterCompletion: 'DELETE',
        Target: { Arn: job.queueArn, RoleArn: job.roleArn, Input: withoutKeywords(job.body) },
      }),
    );
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ConflictException') throw error;
  }
}

/**
 * The same JSON without what Scheduler puts something else for, such as `<aws.scheduler.execution-id>`: of a payload
 * with such a text the worker would get another one.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
 */
function withoutKeywords(json: string): string {
  return json.replaceAll('<aws.scheduler.', String.raw`\u003caws.scheduler.`);
}
