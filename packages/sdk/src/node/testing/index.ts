export { type Book, createBook } from '../../books/book.ts';
export {
  createFakeChain,
  type FakeChain,
  type FakeEntry,
} from '../../light/testing/fake-chain.ts';
export {
  type MadeJob,
  type MadeProvider,
  makeJob,
  makeProvider,
} from '../../light/testing/made-job.ts';
export * from './chain.ts';
export * from './http-server.ts';
export * from './seller.ts';
export type { SellerFailure, SellerFaults, SellerJob, SellerOptions } from './seller-types.ts';
