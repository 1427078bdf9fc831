export { createBus } from './bus.ts';
export type { Carrier, CarrierSink, Judgement } from './carrier.ts';
export { createDirectCarrier } from './direct/direct-carrier.ts';
export type { DirectCarrier, DirectOptions } from './direct/types.ts';
export { createMemoryHub, type MemoryHub } from './memory/memory-carrier.ts';
export { createRedisCarrier, type RedisCarrierOptions } from './redis/redis-carrier.ts';
export * from './types.ts';
