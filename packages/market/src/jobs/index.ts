export {
  backOffMs,
  type Job,
  type JobError,
  type JobEvent,
  type JobState,
  jobDispatchesMax,
  jobLossesMax,
  queuedJob,
  terminalStates,
} from './job-state.ts';
export { dueAtMs, isDue, transition } from './transition.ts';
export {
  signWebhook,
  verifyWebhook,
  type WebhookStamp,
  webhookHeaders,
  webhookKeyText,
} from './webhook.ts';
