/** Codes of the wallet and of the command line. */
import type { Row } from './row.ts';

export const toolRows = {
  // wallet
  WALLET_LOCKED: [
    423,
    5,
    false,
    'Account {account} is locked. Unlock it first: aitbc wallet unlock.',
  ],
  WALLET_PASSWORD_WRONG: [401, 5, false, 'The password does not open {account}.'],
  WALLET_WATCH_ONLY: [
    403,
    5,
    false,
    'The wallet has no key for {account}, so nothing is signed: {fix}.',
  ],
  WALLET_PROPOSAL_UNREAD: [
    409,
    5,
    true,
    'Not signed: the node does not show what proposal {proposalId} of {account} would do ({reason}).',
  ],
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
