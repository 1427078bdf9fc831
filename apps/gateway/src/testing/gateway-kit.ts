/** What whole-market tests need of a gateway: the daemon itself and its store. */
export { createGateway, type GatewayCoordinator, type GatewayDeps } from '../app.ts';
export { type GatewayConfig, gatewayConfig } from '../config.ts';
export { type GatewayStore, openStore } from '../store.ts';
