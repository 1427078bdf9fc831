export { createTasks, type TasksDeps, taskPostOf } from './create-tasks.ts';
export * from './register-agent.ts';
export type * from './types.ts';
export { type WatchTasksDeps, watchTasks } from './watch-tasks.ts';
