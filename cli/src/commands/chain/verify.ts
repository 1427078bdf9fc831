/** `aitbc chain verify`: does the chain really say that, whatever the node claims? */
import { AppError, accountIdOf, unwrap } from '@aitbc/protocol';
import type { LightClient, TrustedHeader } from '@aitbc/sdk';
import { aitText } from '../../amounts.ts';
import { lightClientOf } from '../../chain/light-client.ts';
import { defineCommand } from '../../command/define-command.ts';
import type { Context } from '../../context/context.ts';
import { counted } from '../../wording.ts';

export default defineCommand({
  summary: 'Prove an account or a transaction with a light client',
  details:
    'Starts from the genesis document, follows certificates to the newest block, and checks the path to its root. The node is asked but not believed. With --also each header must be confirmed by another node.',
  arguments: [{ name: 'what', help: 'address ait1… or transaction id' }],
  options: {
    genesis: {
      flags: '--genesis <file>',
      help: 'genesis document to trust; default: that of the home folder',
    },
    trust: {
      flags: '--trust <height:hash>',
      help: 'block to begin with, from somebody you trust; for a chain older than its unbonding time',
    },
    also: { flags: '--also <urls>', help: 'other nodes to compare with, separated by commas' },
  },
  examples: [
    { line: 'aitbc chain verify ait1…', note: 'the balance, proven' },
    {
      line: 'aitbc chain verify <id> --genesis genesis.json --also http://other:8006',
      note: 'a transaction, with a second node against forks',
    },
  ],
  async run(context, { args, options }) {
    const { light, source, close } = await lightClientOf(context, options);
    try {
      if (/^[0-9a-f]{64}$/.test(args.what))
        await verifyTx(context, light, { txId: args.what, source });
      else await verifyAccount(context, light, { address: args.what, source });
    } finally {
      await close();
    }
  },
});

async function verifyAccount(
  { out, signal }: Context,
  light: LightClient,
  { address, source }: { readonly address: string; readonly source: string },
): Promise<void> {
  if (!accountIdOf(address).ok) {
    const reason = `"${address.slice(0, 90)}" is neither an address nor a transaction id.`;
    throw new AppError('CLI_USAGE', { reason });
  }
  const { at, exists, balance, nonce, vault } = unwrap(await light.verifyAccount(address, signal));
  const proven = provenAt(at);
  out.result({ proven: true, address, exists, balance, nonce, vault, ...proven.json }, () => {
    const what = exists
      ? `Proven: ${address} has ${aitText(balance)}, ${aitText(vault)} in its vault, nonce ${nonce}.`
      : `Proven: the state has no account ${address}.`;
    return `${out.style('bold', what)}\n${howText(proven.text, source)}`;
  });
}

async function verifyTx(
  { out, signal }: Context,
  light: LightClient,
  { txId, source }: { readonly txId: string; readonly source: string },
): Promise<void> {
  const { at, index } = unwrap(await light.verifyTx(txId, signal));
  const proven = provenAt(at);
  out.result({ proven: true, txId, index, ...proven.json }, () => {
    const what = `Proven: transaction ${txId} is final in block ${at.header.height}, place ${index}.`;
    return `${out.style('bold', what)}\n${howText(proven.text, source)}`;
  });
}

function provenAt({ header, hash, validators }: TrustedHeader) {
  const { height, epoch, timeMs } = header;
  return {
    json: { height, epoch, blockHash: hash, timeMs },
    text: `block ${height} of ${new Date(timeMs).toISOString()}, finalized by more than two thirds of the stake of ${counted(validators.length, 'validator')}`,
  };
}

function howText(block: string, source: string): string {
  return `A Merkle path leads to the root in ${block}. Trust began with ${source}; the node was not believed.`;
}
