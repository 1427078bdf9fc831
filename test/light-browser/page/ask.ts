/** One question to a light client that starts from the genesis document, and what became of it. */
import { systemClock } from '@aitbc/primitives';
import type { Genesis, LightBundle, ListProof } from '@aitbc/protocol';
import {
  createLightClient,
  createNodeClient,
  createRpcLightSource,
  type LightResult,
  type LightSource,
  type TrustedHeader,
} from '@aitbc/sdk';

const trustingPeriodMsUsual = 4 * 24 * 3_600_000;

/** A question. */
export interface Question {
  /** Paths of nodes on this origin; the first is asked, the others confirm. */
  readonly nodes: readonly string[];
  /** An address, or a transaction id. */
  readonly subject: string;
  /** A node that answers the question first, and from which the newest header is proven. */
  readonly warmBy?: string;
  readonly trustingPeriodMs?: number;
}

/** What the client found, as plain values. */
export interface Finding {
  readonly code: string;
  readonly reason: string;
  readonly evidence: number;
  readonly height: number;
  readonly epoch: number;
  readonly exists: boolean;
  /** nait. */
  readonly balance: string;
  readonly tookMs: number;
  /** Heights of bundles that were fetched on the way. */
  readonly fetched: readonly number[];
}

/** What a source showed last, for a person to look at. */
export interface Shown {
  bundle?: LightBundle;
  path?: ListProof;
  readonly isTx: boolean;
  readonly fetched: number[];
}

/** A finding with what it rests on. */
export interface Answer {
  readonly finding: Finding;
  readonly at: TrustedHeader | undefined;
  readonly shown: Shown;
}

/** Asks. */
export async function ask(genesis: Genesis, question: Question): Promise<Answer> {
  const { nodes, subject, warmBy, trustingPeriodMs = trustingPeriodMsUsual } = question;
  const isTx = /^[0-9a-f]{64}$/.test(subject);
  const shown: Shown = { isTx, fetched: [] };
  let isWarming = warmBy !== undefined;
  const [first, ...others] = nodes.map(sourceAt);
  if (!first) throw new RangeError('no node is named');
  const honest = warmBy === undefined ? first : sourceAt(warmBy);
  const asked = watched(() => (isWarming ? honest : first), shown);
  const client = createLightClient(
    { trust: { genesis }, trustingPeriodMs },
    { sources: [asked, ...others], clock: systemClock },
  );
  const askOnce = () => (isTx ? client.verifyTx(subject) : client.verifyAccount(subject));
  if (isWarming) {
    await askOnce();
    await client.update();
    isWarming = false;
    shown.fetched.length = 0;
  }
  const begunMs = performance.now();
  const result = await askOnce();
  const tookMs = Math.round(performance.now() - begunMs);
  const at = result.ok ? result.value.at : undefined;
  return { finding: findingOf(result, { tookMs, fetched: shown.fetched }), at, shown };
}

function sourceAt(path: string): LightSource {
  const url = new URL(path, location.origin).href;
  return createRpcLightSource(createNodeClient({ url }), path);
}

/** A source that remembers what it showed. */
function watched(source: () => LightSource, shown: Shown): LightSource {
  return {
    name: source().name,
    async getBundle(at, signal) {
      const bundle = await source().getBundle(at, signal);
      shown.fetched.push(bundle.header.height);
      return bundle;
    },
    async getState(key, signal) {
      const answer = await source().getState(key, signal);
      Object.assign(shown, { bundle: answer.bundle, path: answer.proof });
      return answer;
    },
    async getTx(txId, signal) {
      const answer = await source().getTx(txId, signal);
      Object.assign(shown, { bundle: answer.bundle, path: answer.txProof });
      return answer;
    },
  };
}

type Found = LightResult<{
  readonly at: TrustedHeader;
  readonly exists?: boolean;
  readonly balance?: bigint;
}>;

function findingOf(result: Found, run: Pick<Finding, 'tookMs' | 'fetched'>): Finding {
  if (!result.ok) {
    const reason = String(result.facts.reason ?? '');
    const evidence = result.attack?.evidence.length ?? 0;
    const nothing = { height: 0, epoch: 0, exists: false, balance: '0' };
    return { code: result.code, reason, evidence, ...nothing, ...run };
  }
  const { at, exists = true, balance = 0n } = result.value;
  const { height, epoch } = at.header;
  const told = { height, epoch, exists, balance: balance.toString() };
  return { code: 'OK', reason: '', evidence: 0, ...told, ...run };
}
