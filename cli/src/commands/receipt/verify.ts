/** `aitbc receipt verify`: is this what was bought, and at the price that was offered? */
import { asAppError, type Network, type ProvenJob, unwrap, verifyJobProof } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import type { Context } from '../../context/context.ts';
import type { Out } from '../../context/out.ts';
import { type Check, checkOnChain } from '../../receipt/check-on-chain.ts';
import { findNetwork } from '../../receipt/find-network.ts';
import { provenChecks } from '../../receipt/proven-lines.ts';
import { readProof } from '../../receipt/read-proof.ts';

export default defineCommand({
  summary: 'Check the proof of a paid job, offline or against the chain',
  details:
    'Offline: signatures, token ranges, text hashes and price. With a node: the key is registered for a bonded provider, and the channel has paid. Exit code 8 when the proof is not valid.',
  arguments: [{ name: 'file', help: 'proof written by `aitbc ai ask --save-receipt`' }],
  options: {
    genesisHash: {
      flags: '--genesis-hash <hex>',
      help: 'network to check for; default: genesis file of the home folder, then the node',
    },
    offline: { flags: '--offline', help: 'ask no node' },
  },
  examples: [
    { line: 'aitbc receipt verify job.json', note: 'with the chain when a node answers' },
    { line: 'aitbc receipt verify job.json --offline', note: 'from the file alone' },
  ],
  async run(context, { args, options }) {
    const proof = readProof(args.file);
    const { network, source } = await findNetwork(context, options);
    const job = unwrap(verifyJobProof(network, proof));
    const onChain = options.offline ? [] : await checksOfNode(context, network, job);
    const checks = [
      { name: 'network', holds: true, detail: `${network.caip2}, from ${source}` },
      ...provenChecks(proof, job),
      ...onChain,
    ];
    const { last, ...facts } = job;
    context.out.result({ valid: true, ...facts, outcome: last.outcome, checks }, () =>
      linesOf(context.out, checks, job),
    );
  },
});

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
    const detail = `no node answers at ${urls.node}, so registration and settlement were not looked at`;
    return [{ name: 'chain', holds: null, detail }];
  }
}

function linesOf(out: Out, checks: readonly Check[], job: ProvenJob): string {
  const lines = checks.map(({ name, holds, detail }) => [`${markOf(holds)} ${name}`, detail]);
  const title = (text: string) =>
    text.startsWith('✓') ? `${out.style('green', '✓')}${text.slice(1)}` : out.style('yellow', text);
  const verdict = `Job ${job.jobId} is proven: ${job.outputTokens} output tokens from ${job.promptTokens} prompt tokens.`;
  return `${out.table(lines, { title })}\n\n${out.style('bold', verdict)}`;
}

function markOf(holds: boolean | null): string {
  if (holds === null) return '?';
  return holds ? '✓' : '–';
}
