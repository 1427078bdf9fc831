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
export { isDue, transition } from './transition.ts';
