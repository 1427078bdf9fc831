export * from './backtest.ts';
export * from './bars.ts';
export type { BuyerSetup } from './buyer-run.ts';
export * from './live-limits.ts';
export * from './look-ahead.ts';
export type { SellerSetup } from './seller-run.ts';
export { type Bounds, createDraws } from './statistics.ts';
export { strategies } from './strategies/all.ts';
export * from './strategy.ts';
export {
  createQuoteBoard,
  type Quote,
  type Tape,
  type TapeJob,
  type TapeOptions,
  tapeHashOf,
  tapeOf,
} from './tape.ts';
export * from './unit-price.ts';
export { othersOf, type Period, type World, worldOf } from './world.ts';
