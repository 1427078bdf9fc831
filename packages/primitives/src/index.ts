export { sha256, sha256Into, wipe } from '#sodium';
export { base64, hex } from '#text';
export * from './address.ts';
export * from './amount.ts';
export * from './binary.ts';
export * from './bytes.ts';
export * from './canonical-json.ts';
export * from './clock.ts';
export * from './signature.ts';
