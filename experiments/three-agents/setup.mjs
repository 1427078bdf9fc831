/**
 * The owner: gets coins from the devnet's faucet, puts some into its vault, and lets the planner spend within a mandate. After
 * this it does nothing more; its key is not kept.
 */
import { keyPairFromSeed, randomBytes } from '@aitbc/primitives';
import { createLocalSigner, createTxSender } from '@aitbc/sdk';

export const ait = 1_000_000_000n;

/** What the planner may spend of the owner's vault. */
export const mandate = {
  channelMaxNait: ait / 2n,
  windowMaxNait: 2n * ait,
  windowMs: 3_600_000,
  totalMaxNait: 2n * ait,
  jobMaxNait: 0n,
  receivers: [],
  models: [],
  allows: 3, // channels and transfers
  expiresAtHeight: 10_000_000,
};

const vaultNait = 5n * ait;
const plannerNait = ait / 20n; // for its fees
const workerNait = ait; // to buy inference before it is paid

const waitMs = 20_000;

/** The owner's account, funded, with the mandate granted. Workers get a little to begin with. */
export async function setUp(node, { planner, workers }) {
  const { network } = await node.network();
  const signer = createLocalSigner(network, keyPairFromSeed(randomBytes(32)).secretKey);
  const sender = createTxSender({ node, signer });
  const send = (kind, body) => sender.send(kind, body, { waitMs });
  await node.rpc.dev_faucet({ address: signer.address });
  await untilFunded(node, signer.address);
  await send('vault_deposit', { amount: vaultNait, allocations: [] });
  await send('transfer', { to: planner, amount: plannerNait, memo: '' });
  for (const to of workers) await send('transfer', { to, amount: workerNait, memo: '' });
  await send('mandate_grant', { subKey: planner, ...mandate });
  return signer.address;
}

async function untilFunded(node, address) {
  const endMs = Date.now() + waitMs;
  while (Date.now() < endMs) {
    const { balance } = await node.rpc.state_getAccount({ address });
    if (BigInt(balance) > 0n) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the faucet has not paid ${address}`);
}
