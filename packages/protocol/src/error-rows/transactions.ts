/** Codes about a transaction before its kind is looked at. */
import type { Row } from './row.ts';

export const transactionRows = {
  // transactions: form
  TX_MALFORMED: [400, 3, false, 'The transaction bytes are not canonical: {reason}.'],
  TX_TOO_LARGE: [413, 3, false, 'The transaction is {sizeBytes} bytes; the limit is {limitBytes}.'],
  TX_VERSION_UNKNOWN: [400, 3, false, 'Transaction version {version} is not known to this chain.'],
  TX_KIND_UNKNOWN: [400, 3, false, 'Transaction kind {kind} is not known to this chain.'],
  TX_FLAGS_UNSUPPORTED: [400, 3, false, 'Transaction flags {flags} are not supported.'],
  TX_WRONG_CHAIN: [400, 3, false, 'The transaction is for chain {got}; this chain is {expected}.'],
  TX_SIGNATURE_INVALID: [400, 3, false, 'The signature of {from} does not fit this transaction.'],
  AMOUNT_INVALID: [
    400,
    2,
    false,
    'The amount {got} is not a whole number of nait between 0 and 2^64-1, written as a decimal string.',
  ],
  ADDRESS_INVALID: [400, 2, false, 'The address {got} is not valid: {reason}.'],

  // transactions: state
  TX_NONCE_TOO_LOW: [
    409,
    3,
    false,
    'Nonce {got} of {from} was used already; the next is {expected}.',
  ],
  TX_NONCE_TOO_HIGH: [409, 3, true, 'Nonce {got} of {from} is ahead; the next is {expected}.'],
  TX_NONCE_PENDING: [
    409,
    3,
    false,
    'A transaction of {from} with nonce {got} is waiting already; a fee of {feeNeeded} nait replaces it.',
  ],
  TX_REPLACED: [
    409,
    3,
    false,
    'A transaction of the same nonce with a higher fee took its place: {by}.',
  ],
  TX_DUPLICATE: [409, 3, false, 'This transaction is known already.'],
  TX_EXPIRED: [
    400,
    3,
    false,
    'The transaction was valid until height {validUntil}; the chain is at {height}.',
  ],
  TX_EXPIRY_INVALID: [
    400,
    3,
    false,
    'A transaction of the expiring lane needs a validUntil from {height} to {latest}; it has {validUntil}.',
  ],
  TX_EXPIRING_FULL: [
    429,
    7,
    true,
    '{from} has {count} transactions in the expiring lane that are not over; wait, or use another lane.',
  ],
  TX_FEE_TOO_LOW: [
    402,
    3,
    false,
    'The fee {got} nait is below the {expected} nait this kind needs.',
  ],
  TX_FUNDS_INSUFFICIENT: [402, 6, false, '{account} has {available} nait; {needed} are needed.'],
  TX_AMOUNT_ZERO: [400, 3, false, 'The amount of this operation must be above zero.'],
  TX_AMOUNT_OVERFLOW: [400, 3, false, 'The sum would pass 2^64-1 nait.'],
  TX_SELF: [400, 3, false, 'Sender and receiver are the same account.'],
  BATCH_EMPTY: [400, 3, false, 'A batch needs at least one operation.'],
  MEMPOOL_FULL: [
    503,
    7,
    true,
    'The node holds {count} waiting transactions and takes no more for this fee.',
  ],
  MEMPOOL_ACCOUNT_FULL: [
    429,
    7,
    true,
    '{from} has {count} waiting transactions; wait for a block.',
  ],
} as const satisfies Record<string, Row>;
