/**
 * A transaction through the wallet daemon: the wallet decodes, simulates and describes it, the user sees
 * that before it leaves, and the command ends when the chain has made it final.
 */
import {
  AppError,
  amountOf,
  type OutputOf,
  type TxBody,
  type TxKind,
  type walletEndpoints,
} from '@aitbc/protocol';
import {
  assertFinal,
  createTxSender,
  createWalletSigner,
  type TxStatus,
  type WalletSigning,
} from '@aitbc/sdk';
import { aitText } from '../amounts.ts';
import type { Clients, WalletClient } from '../context/clients.ts';
import type { Context } from '../context/context.ts';
import type { Out } from '../context/out.ts';
import { shortAddress } from '../wording.ts';

type SignAnswer = OutputOf<typeof walletEndpoints.sign>;

/** What to send. */
export interface TxWish<K extends TxKind> {
  readonly from: string;
  readonly kind: K;
  readonly body: TxBody<K>;
  /** Send without asking. */
  readonly isConfirmed: boolean;
}

/** What it came to. */
export interface SentTx {
  readonly description: string;
  readonly effects: SignAnswer['effects'];
  readonly status: TxStatus;
}

const waitMs = 20_000;

/** Signs, shows, sends and waits for finality. Throws what wallet and chain refuse, or CANCELLED. */
export async function sendTx<K extends TxKind>(
  context: Context,
  clients: Clients,
  wish: TxWish<K>,
): Promise<SentTx> {
  const { node, wallet } = clients;
  const { network } = await node.network();
  let shown: SignAnswer | undefined;
  const signing = showingWallet(wallet, async (answer) => {
    if (shown === undefined) await confirm(context, answer, wish.isConfirmed);
    shown = answer;
  });
  const signer = createWalletSigner({ wallet: signing, address: wish.from, network });
  const sender = createTxSender({ node, signer });
  const status = await sender.send(wish.kind, wish.body, { signal: context.signal, waitMs });
  return {
    description: shown?.description ?? '',
    effects: shown?.effects ?? [],
    status: assertFinal(status, waitMs),
  };
}

/** The wallet's signing call with a look at its answer before the transaction leaves. */
function showingWallet(
  wallet: WalletClient,
  onSigned: (answer: SignAnswer) => Promise<void>,
): WalletSigning {
  return {
    async sign(input, options) {
      const answer = await wallet.sign(input, options);
      await onSigned(answer);
      return answer;
    },
  };
}

async function confirm(
  { out, ask }: Context,
  { description, effects }: SignAnswer,
  isConfirmed: boolean,
): Promise<void> {
  out.line(out.style('bold', description));
  out.line(effectsText(out, effects));
  if (isConfirmed || !ask.isPossible) return;
  if (!(await ask.confirm('Send this?'))) throw new AppError('CANCELLED');
}

function effectsText(out: Out, effects: SignAnswer['effects']): string {
  const rows = effects.map(({ address, what, before, after }) => {
    const change = amountOf(after) - amountOf(before);
    return [
      shortAddress(address),
      what,
      aitText(before),
      aitText(after),
      `${change > 0n ? '+' : ''}${aitText(change)}`,
    ];
  });
  return out.table(rows, {
    head: ['account', 'of', 'before', 'after', 'change'],
    right: [2, 3, 4],
  });
}
