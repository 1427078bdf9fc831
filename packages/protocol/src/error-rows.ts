/**
 * The rows of the error table: code → HTTP status, exit code of the CLI, retryable, message.
 * New codes go to the file of their domain in `error-rows/`; `errors.ts` explains the columns.
 */
import { chainRows } from './error-rows/chain.ts';
import { generalRows } from './error-rows/general.ts';
import { marketRows } from './error-rows/market.ts';
import { networkRows } from './error-rows/network.ts';
import { toolRows } from './error-rows/tools.ts';
import { transactionRows } from './error-rows/transactions.ts';

/** Code → [HTTP status, exit code, retryable, message], in the order of docs/errors.md. */
export const rows = {
  ...generalRows,
  ...transactionRows,
  ...chainRows,
  ...networkRows,
  ...marketRows,
  ...toolRows,
} as const;
