export * from './acknowledge-tokens.ts';
export * from './admit-job.ts';
export * from './channel-record.ts';
export * from './check-promise.ts';
export * from './extend-job.ts';
export * from './meter-job.ts';
