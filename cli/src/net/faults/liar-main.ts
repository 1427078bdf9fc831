/** A process of its own for a validator that signs two votes for one view; it may stand in a network namespace. */
import { readFileSync } from 'node:fs';
import { readKeyFile } from '@aitbc/node/testing';
import type { Network } from '@aitbc/protocol';
import { lie } from './liar.ts';

/** What the file named by the first argument holds. */
export interface LiarOrders {
  readonly network: Network;
  readonly keyFile: string;
  readonly peers: readonly string[];
  readonly validatorNumber: number;
}

const [, , file = ''] = process.argv;
const orders = JSON.parse(readFileSync(file, 'utf8')) as LiarOrders;
process.stdin.resume().once('end', () => process.exit(0)); // it ends with the town

await lie(
  {
    network: orders.network,
    identity: readKeyFile(orders.keyFile),
    peers: orders.peers,
    validatorNumber: async () => orders.validatorNumber,
  },
  async () => false,
);
