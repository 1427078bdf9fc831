export * from './chain.ts';
export * from './http-server.ts';
export * from './seller.ts';
