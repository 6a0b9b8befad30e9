/** Background jobs: enqueued by id, done once, with progress, result and cancellation. */
export { JobQueueClient, type JobQueueOptions } from './job-queue.js';
export type { EnqueueOptions } from './job-client.js';
export { InvalidJob } from './job-message.js';
export { jobPublisher, type JobPublisherOptions, type JobToEnqueue } from './job-publisher.js';
export { jobQueueSettings, type JobQueueSettings } from './job-settings.js';
export { jobWorker, type JobWorkerOptions } from './job-worker.js';
export type { RunningJob } from './job-handler.js';
export { workOff, type WorkOffOptions } from './work-off.js';
export type { Job, JobState } from './job-row.js';
export { listSilentJobs, type SilentJobsOptions, type StuckJob } from './silent-jobs.js';
export { taskProtection, type TaskProtection, type TaskProtectionOptions } from './task-protection.js';
