export * from './relay-frames.ts';
export * from './relay-line.ts';
