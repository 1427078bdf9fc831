/**
 * The rows of the error table: code → HTTP status, exit code of the CLI, retryable, message.
 * New codes go to the file of their domain in `error-rows/`; `errors.ts` explains the columns.
 */
import { chainRows } from './chain.ts';
import { generalRows } from './general.ts';
import { marketRows } from './market.ts';
import { networkRows } from './network.ts';
import { toolRows } from './tools.ts';
import { transactionRows } from './transactions.ts';

/** Code → [HTTP status, exit code, retryable, message], in the order of docs/errors.md. */
export const rows = {
  ...generalRows,
  ...transactionRows,
  ...chainRows,
  ...networkRows,
  ...marketRows,
  ...toolRows,
} as const;
