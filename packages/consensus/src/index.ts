export * from './agreement-types.ts';
export * from './core.ts';
export * from './scheme.ts';
export * from './types.ts';
