import { effectToJson, feeFloorOf, simulateTx } from '@aitbc/chain';
import {
  AppError,
  addressOf,
  decodeTx,
  decodeUnsignedTx,
  errorBodyOf,
  type Hex,
  messageOf,
  type Network,
  refuse,
  txToJson,
  type UnsignedTx,
  unwrap,
  type Verdict,
  verifyTx,
} from '@aitbc/protocol';
import { finalStatus, type TxStatusJson, waitingStatus } from '../json-forms.ts';
import { badRequest, type Handlers, type MethodDeps, notFound } from './deps.ts';
import { takeBatch } from './take-batch.ts';

type TxHandlers = Pick<
  Handlers,
  'tx_send' | 'tx_sendAndWait' | 'tx_sendBatch' | 'tx_get' | 'tx_simulate' | 'tx_feeFloor'
>;

/** Methods that take, show and price transactions. */
export function txMethods(deps: MethodDeps): TxHandlers {
  const { opened, live, chain, finality, admit } = deps;
  return {
    async tx_send({ tx }) {
      return { txId: unwrap(await admit(txBytesOf(tx))).txId };
    },
    async tx_sendAndWait({ tx, timeoutMs }, { signal }) {
      const bytes = txBytesOf(tx);
      const admitted = await admit(bytes);
      // Asking again for a transaction that is known already is how a caller survives a lost answer.
      if (!admitted.ok && admitted.code !== 'TX_DUPLICATE') return unwrap(admitted);
      const { txId } = admitted.ok ? admitted.value : unwrap(decodeTx(opened.network, bytes));
      if (!chain.placeOf(txId) && live.unstoredTx(txId))
        await finality.wait(txId, { timeoutMs, signal });
      return statusOf(deps, txId);
    },
    async tx_sendBatch({ txs }) {
      const verdicts = await takeBatch(admit, txs.map(txBytesOf), deps.log);
      const results = verdicts.map((verdict) =>
        verdict.ok
          ? { txId: verdict.value.txId, error: null }
          : { txId: null, error: errorBodyOf(new AppError(verdict.code, verdict.facts)) },
      );
      return { results };
    },
    tx_get: ({ txId }) => statusOf(deps, txId),
    tx_simulate: ({ tx, signed }) => simulate(deps, txBytesOf(tx), signed),
    tx_feeFloor: (input) => ({ fee: feeOf(deps, input).toString() }),
  };
}

/** Bytes of canonical base64. Throws BAD_REQUEST. */
function txBytesOf(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  throw badRequest('tx: expected canonical base64');
}

function statusOf({ chain, live, finality }: MethodDeps, txId: Hex): TxStatusJson {
  const place = chain.placeOf(txId);
  if (place) return finalStatus(chain.blockAt(place.height), place.index);
  const waiting = live.unstoredTx(txId);
  if (waiting) return waitingStatus(waiting);
  const refusal = finality.refusalOf(txId);
  if (refusal) throw new AppError(refusal.code, refusal.facts);
  throw notFound(`transaction ${txId}`);
}

function simulate(
  deps: MethodDeps,
  bytes: Uint8Array,
  signed: boolean,
): ReturnType<TxHandlers['tx_simulate']> {
  const { opened, live, store } = deps;
  const { network } = opened;
  const tx = unwrap<UnsignedTx>(
    signed ? signedTx(network, bytes) : decodeUnsignedTx(network, bytes),
  );
  const { verdict, effects } = simulateTx(store, live.nextBlock(), tx);
  return {
    ok: verdict.ok,
    code: verdict.ok ? null : verdict.code,
    message: verdict.ok ? null : messageOf(verdict.code, verdict.facts),
    tx: txToJson(tx),
    effects: effects.map(effectToJson),
  };
}

function signedTx(network: Network, bytes: Uint8Array): Verdict<UnsignedTx> {
  const decoded = decodeTx(network, bytes);
  if (!decoded.ok || verifyTx(network, decoded.value)) return decoded;
  return refuse('TX_SIGNATURE_INVALID', { from: addressOf(decoded.value.from) });
}

interface FeeQuestion {
  readonly kind: UnsignedTx['kind'];
  readonly rows?: number | undefined;
  readonly operations?: number | undefined;
}

function feeOf({ live }: MethodDeps, { kind, rows, operations }: FeeQuestion): bigint {
  if (rows !== undefined && kind !== 'channel_claim')
    throw badRequest('rows: only claims have them');
  if (operations !== undefined && kind !== 'batch') {
    throw badRequest('operations: only batches have them');
  }
  const listOf = (length = 0) => Array.from({ length });
  // The floor looks at the kind and the number of rows; the rest of a transaction does not exist yet.
  const body = { rows: listOf(rows), operations: listOf(operations) };
  return feeFloorOf(live.nextBlock().params, { kind, body } as unknown as UnsignedTx);
}
