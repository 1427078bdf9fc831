export * from './canary.ts';
export * from './evidence.ts';
export * from './expected-loss.ts';
export * from './judge-replay.ts';
