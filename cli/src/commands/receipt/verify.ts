/** `aitbc receipt verify`: is this what was bought, at the price that was offered, from a provider of this chain? */
import { systemClock } from '@aitbc/primitives';
import {
  asAppError,
  type JobProof,
  type Network,
  type ProvenJob,
  unwrap,
  verifyJobProof,
} from '@aitbc/protocol';
import { verifyProofOffline } from '@aitbc/sdk';
import { defineCommand } from '../../command/define-command.ts';
import type { Context } from '../../context/context.ts';
import type { Out } from '../../context/out.ts';
import { type Check, checkOnChain } from '../../receipt/check-on-chain.ts';
import { findNetwork, findTrust, type TrustWish } from '../../receipt/find-trust.ts';
import { chainChecks, provenChecks } from '../../receipt/proven-lines.ts';
import { readProof } from '../../receipt/read-proof.ts';
import { counted } from '../../wording.ts';

export default defineCommand({
  summary: 'Check the proof of a paid job, offline or against the chain',
  details:
    'A file of `receipt export` is checked without any server: receipts, offers and price, the registered keys, Merkle paths, headers and certificates, up to the genesis document or a block that you trust. A file without its way to the chain is checked as far as it goes. Where a node answers it is also asked what was settled. Exit code 8 when the proof is not valid.',
  arguments: [
    { name: 'file', help: 'proof written by `receipt export` or `ai ask --save-receipt`' },
  ],
  options: {
    genesis: {
      flags: '--genesis <file>',
      help: 'genesis document to trust; default: that of the home folder',
    },
    trustedBlock: {
      flags: '--trusted-block <height:hash>',
      help: 'block to trust, from somebody you believe; it must be one of the proof',
    },
    genesisHash: {
      flags: '--genesis-hash <hex>',
      help: 'network to check for, when there is no document',
    },
    offline: { flags: '--offline', help: 'ask no node' },
  },
  examples: [
    { line: 'aitbc receipt verify job.json --offline', note: 'from the file alone' },
    {
      line: 'aitbc receipt verify job.json --genesis genesis.json',
      note: 'also what was settled, when a node answers',
    },
  ],
  async run(context, { args, options }) {
    const proof = readProof(args.file);
    const { network, job, checks } = proof.chain
      ? checksOfFile(context, proof, options)
      : await checksOfParts(context, proof, options);
    const onChain = options.offline ? [] : await checksOfNode(context, network, job);
    const all = [...checks, ...onChain];
    context.out.result(resultOf(proof, job, all), () => linesOf(context.out, all, job));
  },
});

interface Checked {
  readonly network: Network;
  readonly job: ProvenJob;
  readonly checks: readonly Check[];
}

/** The whole way, from the file alone. */
function checksOfFile(context: Context, proof: JobProof, wish: TrustWish): Checked {
  const known = findTrust(context, wish, proof);
  const { network, source } = known;
  const { job, chain } = unwrap(verifyProofOffline(proof, known.trust, systemClock));
  const checks = [
    networkCheck(network, source),
    ...provenChecks(proof, job),
    ...chainChecks(chain, known, systemClock.nowMs()),
  ];
  return { network, job, checks };
}

/** What holds without a way to the chain. */
async function checksOfParts(
  context: Context,
  proof: JobProof,
  wish: TrustWish & { readonly offline: boolean },
): Promise<Checked> {
  const { network, source } = await findNetwork(context, wish);
  const job = unwrap(verifyJobProof(network, proof));
  return { network, job, checks: [networkCheck(network, source), ...provenChecks(proof, job)] };
}

function networkCheck(network: Network, source: string): Check {
  return { name: 'network', holds: true, detail: `${network.caip2}, from ${source}` };
}

/** The checks on chain; a node that cannot be reached leaves them open. */
async function checksOfNode(
  { clients, signal, urls }: Context,
  network: Network,
  job: ProvenJob,
): Promise<Check[]> {
  const { node } = await clients();
  try {
    return await checkOnChain(node, network, { job, signal });
  } catch (error) {
    const { code } = asAppError(error);
    if (code !== 'UNAVAILABLE' && code !== 'TIMEOUT') throw error;
    const detail = `no node answers at ${urls.node}, so nobody was asked what was settled`;
    return [{ name: 'node', holds: null, detail }];
  }
}

function resultOf({ chain }: JobProof, job: ProvenJob, checks: readonly Check[]) {
  const { jobId, outputTokens, promptTokens, unsignedTokens, charged, outcome } = job;
  const { surplusTokens, prompts } = job;
  const parts = job.parts.map(({ provider, authorizer, offerId, ...part }) => ({
    ...{ provider, authorizer, offerId, from: part.from, to: part.to },
    ...{ charged: part.charged, outcome: part.outcome, surplusTokens: part.surplusTokens },
  }));
  return {
    ...{ valid: true, reachesChain: chain !== null, jobId, outputTokens, promptTokens },
    ...{ unsignedTokens, surplusTokens, prompts, charged, outcome, parts, checks },
  };
}

function linesOf(out: Out, checks: readonly Check[], job: ProvenJob): string {
  const lines = checks.map(({ name, holds, detail }) => [`${markOf(holds)} ${name}`, detail]);
  const title = (text: string) =>
    text.startsWith('✓') ? `${out.style('green', '✓')}${text.slice(1)}` : out.style('yellow', text);
  const { jobId, outputTokens, promptTokens, parts } = job;
  const by = parts.length > 1 ? ` by ${counted(parts.length, 'provider')}` : '';
  const verdict = `Job ${jobId} is proven: ${outputTokens} output tokens from ${promptTokens} prompt tokens${by}.`;
  return `${out.table(lines, { title })}\n\n${out.style('bold', verdict)}`;
}

function markOf(holds: boolean | null): string {
  if (holds === null) return '?';
  return holds ? '✓' : '–';
}
