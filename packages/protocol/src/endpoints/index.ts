export * from './chat.ts';
export * from './coordinator.ts';
export * from './endpoint.ts';
export * from './gateway.ts';
export * from './node-rpc.ts';
export * from './provider.ts';
export * from './provider-socket.ts';
export * from './wallet.ts';
