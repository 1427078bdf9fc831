/** Codes of paid jobs, of the market and of engines. */
import type { Row } from './row.ts';

export const marketRows = {
  // payments for a job
  PAYMENT_REQUIRED: [
    402,
    6,
    false,
    'This costs {amount} nait at most. Pay with a voucher; terms are in PAYMENT-REQUIRED.',
  ],
  PAYMENT_MALFORMED: [400, 2, false, 'The payment header cannot be read: {reason}.'],
  PAYMENT_NETWORK_WRONG: [
    402,
    6,
    false,
    'The payment is for network {got}; this provider is on {expected}.',
  ],
  OFFER_UNKNOWN: [
    402,
    6,
    false,
    'Offer {offerId} is not known here or has run out. Ask for a new one.',
  ],
  OFFER_INVALID: [400, 2, false, 'The offer is not valid: {reason}.'],
  VOUCHER_SIGNATURE_INVALID: [
    402,
    6,
    false,
    'The voucher is not signed by the key of channel {channelId} for this request.',
  ],
  VOUCHER_CHANNEL_WRONG: [402, 6, false, 'Channel {channelId} does not pay this provider.'],
  VOUCHER_CHANNEL_CLOSING: [402, 6, false, 'Channel {channelId} is closing and takes no new work.'],
  VOUCHER_UNDERFUNDED: [402, 6, false, 'The voucher covers {cap} nait; {needed} are needed.'],
  VOUCHER_BEYOND_BALANCE: [
    402,
    6,
    false,
    'The voucher promises {cap} nait; the channel holds {balance}.',
  ],
  VOUCHER_STALE_STATE: [
    503,
    7,
    true,
    'The provider has not heard from the chain for {ageMs} ms and extends no credit.',
  ],
  VOUCHER_OPEN_CREDIT: [
    402,
    6,
    false,
    'The vouchers promise {outstanding} nait more than is in use; the limit is {limit}.',
  ],
  PAYMENT_NOT_FINAL: [
    409,
    7,
    true,
    'Transaction {txId} is not final yet. Send the same call with the same payment again.',
  ],
  PAYMENT_MISMATCH: [402, 6, false, 'The transaction does not pay for this call: {reason}.'],
  PAYMENT_REFUSED: [402, 6, false, 'The chain does not take the payment: {reason}.'],
  JOB_CONFLICT: [409, 6, false, 'Job {jobId} was already asked for with other terms.'],
  JOB_ENDED: [409, 6, false, 'Job {jobId} has ended ({outcome}); its receipt is at {receiptPath}.'],
  JOB_UNKNOWN: [404, 4, false, 'There is no job {jobId} here.'],
  JOB_STATE_WRONG: [409, 6, false, 'Job {jobId} is {state}; that cannot be done now.'],
  JOB_EXPIRED: [
    410,
    6,
    false,
    'Job {jobId} did not start before its deadline. Nothing was charged.',
  ],
  QUEUE_FULL: [
    503,
    7,
    true,
    'All {slots} slots are busy and {waiting} jobs wait. Try again in {retryAfterSeconds} s.',
  ],
  MODEL_UNKNOWN: [
    404,
    4,
    false,
    'The model {model} is not offered here. GET /v1/models lists what is.',
  ],
  FIELD_UNSUPPORTED: [400, 2, false, 'The field {field} is not supported: {reason}.'],
  RECEIPT_INVALID: [400, 8, false, 'The receipt does not prove what it says: {reason}.'],
  AUDIT_RECORD_INVALID: [400, 8, false, 'The audit record is void: {reason}.'],
  AUDIT_REPORT_INVALID: [400, 8, false, 'The audit report does not prove what it says: {reason}.'],
  ALERT_UNPROVEN: [409, 8, false, 'Alert {id} does not hold: {reason}.'],
  RESUME_INVALID: [400, 2, false, 'The answer cannot be continued from there: {reason}.'],
  RESUME_UNSUPPORTED: [409, 6, false, 'Answers of {model} cannot be continued at this provider.'],
  BUDGET_EXCEEDED: [
    402,
    6,
    false,
    'This would spend {needed} nait; the limit of {scope} leaves {available}.',
  ],
  NO_OFFER: [503, 7, true, 'No provider offers {model} now within your limits ({reason}).'],

  // market: providers and the coordinator
  CHALLENGE_INVALID: [
    401,
    5,
    false,
    'The answer to the challenge is not signed by the key of {account}.',
  ],
  LEASE_LOST: [409, 7, true, 'The lease of {account} has run out. Connect again.'],
  CARD_INVALID: [400, 2, false, 'The card of the agent is not valid: {reason}.'],
  CARD_WRONG: [409, 8, false, 'The card has the hash {got}; {account} registered {expected}.'],
  DOCUMENT_WRONG: [409, 8, false, 'The {name} has the hash {got}; task {taskId} has {expected}.'],
  RELAY_OFFLINE: [
    503,
    7,
    true,
    'Provider {account} is not connected here, or takes no relayed calls. Choose another offer.',
  ],
  RELAY_FULL: [
    503,
    7,
    true,
    '{what} carries {limit} relayed calls already. Try again in {retryAfterSeconds} s.',
  ],

  // messages
  LETTER_INVALID: [400, 3, false, 'The letter is not taken: {reason}.'],
  NOTICE_INVALID: [400, 3, false, 'The notice is not taken: {reason}.'],
  SENDER_NOT_ADMITTED: [
    403,
    5,
    false,
    'The account {account} holds {available} nait on chain; whoever sends messages needs {needed}.',
  ],
  MAILBOX_FULL: [
    429,
    7,
    true,
    'The mailbox of {account} has no room: {reason}. Try again when its owner has read.',
  ],

  // engines
  ENGINE_UNAVAILABLE: [503, 7, true, 'The engine {engine} cannot be used: {reason}.'],
  ENGINE_BUSY: [503, 7, true, 'The engine {engine} is busy: {reason}.'],
  ENGINE_CRASHED: [502, 7, true, 'The engine {engine} died while it worked: {reason}.'],
  ENGINE_BAD_REQUEST: [400, 2, false, 'The engine {engine} refuses the request: {reason}.'],
  ENGINE_PROTOCOL: [502, 7, true, 'The engine {engine} answered what it should not: {reason}.'],
  ENGINE_MODEL_UNKNOWN: [404, 4, false, 'The engine {engine} has no model {model}.'],
  ENGINE_TOO_OLD: [
    503,
    2,
    false,
    'The engine {engine} is version {version}; {expected} or newer is needed.',
  ],
} as const satisfies Record<string, Row>;
