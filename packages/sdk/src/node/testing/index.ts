export * from './chain.ts';
export * from './http-server.ts';
export * from './seller.ts';
export type { SellerFaults, SellerJob, SellerOptions } from './seller-types.ts';
