/**
 * The rows of the error table: code → HTTP status, exit code of the CLI, retryable, message.
 * New codes go to the block of their domain; `errors.ts` explains the columns.
 */

type Row = readonly [httpStatus: number, exitCode: number, retryable: boolean, message: string];

/** Code → [HTTP status, exit code, retryable, message]. */
export const rows = {
  // general
  BAD_REQUEST: [400, 2, false, 'The request is not valid: {reason}.'],
  NOT_FOUND: [404, 4, false, 'There is no {what} here. Check the path or the id.'],
  UNAUTHORIZED: [401, 5, false, 'This call needs a valid token or signature: {reason}.'],
  FORBIDDEN: [403, 5, false, 'This caller may not do that: {reason}.'],
  PAYLOAD_TOO_LARGE: [
    413,
    2,
    false,
    'The message is {sizeBytes} bytes; the limit is {limitBytes}.',
  ],
  RATE_LIMITED: [429, 7, true, 'Too many calls. Try again in {retryAfterSeconds} s.'],
  INTERNAL: [500, 1, true, 'Something broke on our side ({reason}). The log has the details.'],
  UNAVAILABLE: [503, 7, true, '{what} cannot be reached: {reason}. Check that it runs.'],
  TIMEOUT: [504, 7, true, '{what} did not answer within {timeoutMs} ms.'],
  CANCELLED: [499, 130, false, 'Stopped by the caller.'],
  ANSWER_INVALID: [
    502,
    7,
    false,
    '{what} answered what it should not: {reason}. Check that both run the same version.',
  ],
  CONFIG_INVALID: [500, 2, false, 'The configuration is not valid: {reason}.'],
  CONFIG_UNKNOWN_KEY: [500, 2, false, 'Unknown setting "{key}". Did you mean "{nearest}"?'],
  PORT_IN_USE: [500, 2, false, 'Port {port} is taken. Stop what listens there, or set {setting}.'],
  STORE_CORRUPT: [500, 1, false, 'Stored data of {what} is not readable: {reason}.'],

  // transactions: form
  TX_MALFORMED: [400, 3, false, 'The transaction bytes are not canonical: {reason}.'],
  TX_TOO_LARGE: [413, 3, false, 'The transaction is {sizeBytes} bytes; the limit is {limitBytes}.'],
  TX_VERSION_UNKNOWN: [400, 3, false, 'Transaction version {version} is not known to this chain.'],
  TX_KIND_UNKNOWN: [400, 3, false, 'Transaction kind {kind} is not known to this chain.'],
  TX_FLAGS_UNSUPPORTED: [
    400,
    3,
    false,
    'Transaction flags {flags} or lane {lane} are not supported.',
  ],
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
  TX_NONCE_PENDING: [409, 3, false, 'A transaction of {from} with nonce {got} is waiting already.'],
  TX_DUPLICATE: [409, 3, false, 'This transaction is known already.'],
  TX_EXPIRED: [
    400,
    3,
    false,
    'The transaction was valid until height {validUntil}; the chain is at {height}.',
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
  MEMPOOL_FULL: [
    503,
    7,
    true,
    'The node holds {count} waiting transactions and takes no more now.',
  ],
  MEMPOOL_ACCOUNT_FULL: [
    429,
    7,
    true,
    '{from} has {count} waiting transactions; wait for a block.',
  ],

  // channels, agents and providers on chain
  KEY_INVALID: [
    400,
    3,
    false,
    'The key {key} ({what}) is no usable Ed25519 key: it has low order or is not canonical.',
  ],
  CHANNEL_UNKNOWN: [404, 4, false, 'There is no channel {channelId}.'],
  CHANNEL_CLOSED: [
    409,
    3,
    false,
    'Channel {channelId} is closed for ever. Open one with a fresh salt.',
  ],
  CHANNEL_CONFIG_MISMATCH: [400, 3, false, 'The channel configuration does not fit: {reason}.'],
  CHANNEL_WITHDRAW_PENDING: [409, 3, false, 'Channel {channelId} is already closing.'],
  CHANNEL_WITHDRAW_NONE: [409, 3, false, 'Channel {channelId} has no withdrawal to finish.'],
  CHANNEL_WITHDRAW_EARLY: [
    409,
    3,
    true,
    'The withdrawal of {channelId} is due at {dueAt}; chain time is {now}.',
  ],
  CHANNEL_NOT_PAYER: [403, 3, false, 'Only the payer of {channelId} may do that.'],
  CLAIM_EMPTY: [400, 3, false, 'None of the {rows} rows of the claim could be paid: {reason}.'],
  CLAIM_BEYOND_CAP: [400, 3, false, 'The claim {totalClaimed} is above the signed {maxClaimable}.'],
  CLAIM_BEYOND_BALANCE: [400, 3, false, 'The claim {totalClaimed} is above the balance {balance}.'],
  CLAIM_NOT_RAISED: [409, 3, false, 'Channel {channelId} has paid {totalClaimed} already.'],
  REFUND_NONCE_WRONG: [409, 3, false, 'Refund nonce {got}; the next is {expected}.'],
  AGENT_UNKNOWN: [404, 4, false, '{account} is not a registered agent.'],
  PROVIDER_UNKNOWN: [404, 4, false, '{account} is not a registered provider.'],
  PROVIDER_BOND_LOW: [
    402,
    3,
    false,
    'The bond {got} nait is below the {expected} nait a provider needs.',
  ],
  PROVIDER_UNBONDING: [409, 3, false, 'The bond of {account} is already on its way out.'],
  PROVIDER_BOND_LOCKED: [
    409,
    3,
    true,
    'The bond of {account} is free at {dueAt}; chain time is {now}.',
  ],
  FAUCET_DISABLED: [403, 5, false, 'This node gives no free coins; only a devnet does.'],
  FAUCET_LIMIT: [429, 7, true, 'The faucet gives at most {limit} nait per call and account.'],
  BLOCK_INVALID: [400, 3, false, 'The block at height {height} breaks a rule: {reason}.'],
  EVIDENCE_INVALID: [400, 3, false, 'The evidence convicts nobody: {reason}.'],
  CERTIFICATE_INVALID: [400, 3, false, 'The certificate does not prove the block: {reason}.'],

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

  // wallet
  WALLET_LOCKED: [
    423,
    5,
    false,
    'Account {account} is locked. Unlock it first: aitbc wallet unlock.',
  ],
  WALLET_PASSWORD_WRONG: [401, 5, false, 'The password does not open {account}.'],
  WALLET_ACCOUNT_UNKNOWN: [404, 4, false, 'The wallet has no account {account}.'],
  WALLET_ACCOUNT_EXISTS: [409, 2, false, 'The wallet already holds {account}.'],
  WALLET_SECRET_INVALID: [400, 2, false, 'The secret cannot be imported: {reason}.'],
  WALLET_SCOPE: [403, 5, false, 'The token may not do that: {reason}.'],
  WALLET_SIMULATION_FAILED: [
    409,
    3,
    false,
    'Not signed: the chain would refuse it with {code}: {reason}',
  ],
  WALLET_HOST_FORBIDDEN: [
    403,
    5,
    false,
    'The wallet answers only on its own address, not as {host}.',
  ],

  // CLI
  CLI_USAGE: [400, 2, false, '{reason}'],
  PLUGIN_BROKEN: [500, 1, false, 'The plugin {plugin} cannot be loaded: {reason}. It was skipped.'],
  DEVNET_NOT_RUNNING: [503, 7, false, 'No devnet runs in {dataDir}. Start one: aitbc up.'],
  DAEMON_FAILED: [500, 1, false, 'The {daemon} daemon ended at start: {reason}.'],
  DAEMON_ENDED: [500, 1, false, 'The {daemon} daemon ended by itself ({reason}). See {logFile}.'],
} as const satisfies Record<string, Row>;
