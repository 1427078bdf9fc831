export { callerOf, signAccountCall } from './account-call.ts';
export * from './letter.ts';
export * from './letter-outbox.ts';
export * from './letter-receiver.ts';
export * from './notice.ts';
