export {
  type BreakerOptions,
  type BreakerState,
  type CircuitBreaker,
  createCircuitBreaker,
} from './circuit-breaker.ts';
export {
  createScheduler,
  type ScheduledJob,
  type Scheduler,
  type SchedulerLoad,
  type SchedulerOptions,
} from './scheduler.ts';
export type { JobWish } from './waiting-job.ts';
