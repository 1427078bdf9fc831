/** `aitbc market score`: a provider's reputation, and its computation. */
import { defineCommand } from '../../command/define-command.ts';
import { recomputeScore, type ToldScore } from '../../market/recompute-score.ts';

export default defineCommand({
  summary: "A provider's reputation, and how it is computed",
  details:
    'The score is 0 to 1000 and comes from final receipts, the deadlines of signed offers and audits alone. --explain fetches the signed documents behind it, checks each against the keys and verdicts on chain and computes the score again. The times to the first token are the word of the buyers.',
  arguments: [{ name: 'provider', help: 'address ait1…' }],
  options: { explain: { flags: '-e, --explain', help: 'check the receipts, compute it again' } },
  examples: [
    { line: 'aitbc market score ait1…', note: 'what the coordinator says' },
    { line: 'aitbc market score ait1… --explain', note: 'what the receipts say' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const { coordinator, node } = await context.clients();
    const explain = options.explain ? '1' : '0';
    const told = await coordinator.providerScore({ address: args.provider, explain }, { signal });
    if (!options.explain) {
      out.result(told, () => scoreText(told));
      return 0;
    }
    const { network } = await node.network();
    const recomputed = await recomputeScore(told, {
      network,
      authorizerOf: async (address) => (await node.rpc.state_getProvider({ address })).authorizer,
      resultOf: async (auditId) => (await node.rpc.audit_get({ auditId })).result,
    });
    const isSame = recomputed.score === told.score;
    out.result({ ...told, recomputed }, () =>
      [
        scoreText(told),
        `${recomputed.receipts} receipts and ${recomputed.audits} audits checked; computed again: ${recomputed.score} of 1000`,
        isSame ? 'The coordinator tells the truth.' : 'The coordinator tells another score.',
      ].join('\n'),
    );
    return isSame ? 0 : 8;
  },
});

function scoreText({ provider, score, inputs }: ToldScore): string {
  const { receipts, delivered, broken, deadlineHits, deadlineMisses } = inputs;
  const { auditsPassed, auditsFailed } = inputs;
  return [
    `${provider}: ${score} of 1000`,
    `${receipts} receipts: ${delivered} delivered, ${broken} broken`,
    `first token in time ${deadlineHits} times, late ${deadlineMisses} times`,
    `audits passed ${auditsPassed}, failed ${auditsFailed}`,
  ].join('\n');
}
