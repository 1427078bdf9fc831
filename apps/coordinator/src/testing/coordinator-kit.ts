/** What whole-market tests need of a coordinator: the daemon itself. */
export { type Coordinator, createCoordinator } from '../app.ts';
export { type CoordinatorConfig, configTable as coordinatorConfig } from '../config.ts';
