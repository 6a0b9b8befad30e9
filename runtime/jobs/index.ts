/** Background jobs: enqueued by id, done once, with progress, result and cancellation. */
export { JobQueueClient, type JobQueueOptions } from './job-queue.js';
export type { EnqueueOptions, JobClient } from './job-client.js';
export { InvalidJob } from './job-message.js';
export { jobPublisher, type JobPublisherOptions } from './job-publisher.js';
export type { JobToEnqueue } from './job-to-enqueue.js';
export { jobQueueSettings, type JobQueueSettings } from './job-settings.js';
export { jobWorker, type JobWorkerOptions } from './job-worker.js';
export type { RunningJob } from './job-handler.js';
export { workOff, type WorkOffOptions } from './work-off.js';
export type { Job, JobState } from './job-row.js';
export { listSilentJobs } from './silent-jobs.js';
export type { SilentJobsOptions, StuckJob } from './stuck-job.js';
export { taskProtection, type TaskProtection, type TaskProtectionOptions } from './task-protection.js';
