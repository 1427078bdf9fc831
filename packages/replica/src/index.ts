export { createReplica } from './replica.ts';
export * from './types.ts';
