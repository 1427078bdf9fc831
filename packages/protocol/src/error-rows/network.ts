/** Codes between nodes, and of those who check what a node says. */
import type { Row } from './row.ts';

export const networkRows = {
  // snapshots and light clients
  SNAPSHOT_INVALID: [502, 7, false, 'A part of the state cannot be used: {reason}.'],
  LIGHT_HEADER_UNPROVEN: [
    502,
    7,
    false,
    'The header at height {height} from {source} is not proven: {reason}.',
  ],
  LIGHT_PROOF_INVALID: [
    502,
    7,
    false,
    '{what} from {source} does not follow from the block at height {height}: {reason}.',
  ],
  LIGHT_TRUST_EXPIRED: [
    409,
    2,
    false,
    'The newest header known here is {ageMs} ms old; only {trustingPeriodMs} ms are safe. Start from a newer block hash that you trust.',
  ],
  LIGHT_FORK: [
    409,
    1,
    false,
    'Two final blocks of height {height} exist: {first} and {second}. Validators cheat: stop paying and report the evidence.',
  ],

  // mesh
  MESH_MALFORMED: [400, 3, false, 'Another node sent bytes that cannot be read: {reason}.'],
  MESH_WRONG_NETWORK: [
    409,
    2,
    false,
    'The node at {address} is on the network with genesis {got}, we are on {expected}. Use one genesis document.',
  ],
  MESH_WRONG_VERSION: [
    409,
    2,
    false,
    'The node at {address} speaks mesh version {got}, we speak {expected}. Run one version.',
  ],
  MESH_WRONG_KEY: [
    403,
    5,
    false,
    'The node at {address} has the key {got}; expected was {expected}. Check its entry.',
  ],
  MESH_REFUSED: [503, 7, true, 'The node at {address} ended the connection: {reason}.'],
  KEY_IN_USE: [
    409,
    2,
    false,
    'The node at {address} is connected to another node with our key. Two nodes with one validator key lose its stake: stop the other one. If it is certainly gone, start with --allow-key-takeover.',
  ],
  MESH_SLOW: [503, 7, true, 'The node {peer} does not read: {sizeBytes} bytes wait for it.'],

  // bus
  BUS_STOPPED: [503, 7, false, 'The message bus is not running. Start it before use.'],
  BUS_FULL: [
    503,
    7,
    true,
    '{what}: {limit} wait already. Send more slowly, or check that the other side is there.',
  ],
  BUS_UNDELIVERED: [
    504,
    7,
    true,
    'The agent {to} acknowledged nothing in {attempts} attempts ({reason}). It may be offline: try later.',
  ],
} as const satisfies Record<string, Row>;
