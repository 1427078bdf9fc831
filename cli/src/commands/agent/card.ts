/** `aitbc agent card`: the card itself, or handing it in. */
import { AppError, agentCardHash } from '@aitbc/protocol';
import { buildCard } from '../../agent/build-card.ts';
import { defineCommand } from '../../command/define-command.ts';

export default defineCommand({
  summary: 'The A2A card of an agent as JSON, held against its hash on chain',
  details:
    'The card comes from the coordinator, the hash from your node: a card that was changed on the way is not shown. With --give the card is handed in to a coordinator that does not have it.',
  arguments: [{ name: 'agent', help: 'address ait1… of the agent' }],
  options: {
    give: { flags: '--give <file>', help: 'hand this card in; its hash must be on chain' },
  },
  examples: [
    { line: 'aitbc agent card ait1…', note: 'for a program that speaks A2A' },
    { line: 'aitbc agent card ait1… --give card.json', note: 'for another coordinator' },
  ],
  async run(context, { args, options }) {
    const { out, signal } = context;
    const { agent: address } = args;
    const { coordinator, node } = await context.clients();
    if (options.give !== undefined) {
      const none = { name: undefined, description: undefined, url: undefined };
      const wish = { card: options.give, ...none, skills: undefined, from: undefined };
      const card = buildCard(context, address, wish);
      await coordinator.giveAgentCard({ address, card }, { signal });
      out.result(card, () => 'The coordinator has the card.');
      return;
    }
    const card = await coordinator.agentCard({ address }, { signal });
    const { cardHash: expected } = await node.rpc.state_getAgent({ address }, { signal });
    const got = agentCardHash(card);
    if (got !== expected) throw new AppError('CARD_WRONG', { got, account: address, expected });
    out.result(card, () => JSON.stringify(card, null, 2));
  },
});
