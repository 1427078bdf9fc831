export * from './account-value.ts';
export * from './hash-list.ts';
export * from './light-bundle.ts';
export * from './provider-value.ts';
export * from './schemas.ts';
export * from './state-proof.ts';
