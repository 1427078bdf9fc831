export { Agent } from './agent.ts';
export { type Budget, type Hold, openBudget } from './budget.ts';
export { type Inbox, type InboxDeps, openInbox } from './inbox.ts';
export { type Outbox, type OutboxDeps, openOutbox } from './outbox.ts';
export { type AgentPart, type AgentStore, createMemoryAgentStore } from './store.ts';
export type * from './types.ts';
