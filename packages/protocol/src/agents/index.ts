export * from './agent-card.ts';
export * from './task-documents.ts';
export * from './task-exits.ts';
