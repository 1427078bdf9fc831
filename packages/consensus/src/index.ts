export * from './core.ts';
export * from './schedule.ts';
export * from './scheme.ts';
export * from './types.ts';
