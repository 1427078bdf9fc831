/**
 * The buyer's rules without its shell: books, the check of receipts, what a moved answer shows. Pure, so that they can be
 * run where there is no network and no clock.
 */
export { createReceiptChecker, type ReceiptChecker } from '../buyer/pay/check-receipts.ts';
export { createProgress, type JobProgress } from '../buyer/survive/job-progress.ts';
export { type Book, type Budget, type Corrective, createBook, type Promised } from './book.ts';
export {
  type BuyerChange,
  type BuyerState,
  type CallRow,
  type CallTail,
  type ChannelRow,
  callKey,
} from './store.ts';
