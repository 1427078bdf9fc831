/** A node as a source of a light client: its answers over RPC, as bytes and bundles. Nothing of them is believed here. */
import { bytesFromHex } from '@aitbc/primitives';
import {
  AppError,
  type LightBundle,
  type LightBundleJson,
  lightBundleFromJson,
  unwrap,
} from '@aitbc/protocol';
import type { LightSource } from '../light/types.ts';
import type { NodeClient } from './node-client.ts';

/** A source that asks a node. `name` says in messages where it is. */
export function createRpcLightSource({ rpc }: Pick<NodeClient, 'rpc'>, name: string): LightSource {
  return {
    name,
    async getBundle(at, signal) {
      const input = at === 'latest' ? {} : { height: at };
      return bundleOf(await rpc.chain_getLightBundle(input, { signal }));
    },
    async getState(key, signal) {
      const { bundle, value, proof } = await rpc.state_getProof({ key }, { signal });
      return {
        bundle: bundleOf(bundle),
        value: value === null ? undefined : bytesOf(value, name),
        proof,
      };
    },
    async getTx(txId, signal) {
      const answer = await rpc.chain_getTxProof({ txId }, { signal });
      const { bundle, txProof, receipt, receiptProof } = answer;
      return { bundle: bundleOf(bundle), txProof, receipt: bytesOf(receipt, name), receiptProof };
    },
  };
}

/** Throws ANSWER_INVALID. */
function bundleOf(json: LightBundleJson): LightBundle {
  return unwrap(lightBundleFromJson(json));
}

function bytesOf(text: string, name: string): Uint8Array {
  const bytes = bytesFromHex(text, text.length / 2);
  if (bytes) return bytes;
  throw new AppError('ANSWER_INVALID', { what: name, reason: 'a value is not hex' });
}
