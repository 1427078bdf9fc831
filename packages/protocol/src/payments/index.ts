export * from './channel.ts';
export * from './document.ts';
export * from './job-id.ts';
export * from './offer.ts';
export * from './price.ts';
export * from './receipt.ts';
export * from './voucher.ts';
export * from './x402.ts';
