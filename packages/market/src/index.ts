export * from './admission/index.ts';
export * from './audit/index.ts';
export * from './jobs/index.ts';
export * from './mandate/index.ts';
export * from './routing/index.ts';
export * from './scheduling/index.ts';
export * from './surveillance/index.ts';
export * from './trading/index.ts';
