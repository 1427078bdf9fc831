import { it } from 'vitest';
import { ask } from './faults/client.ts';
import { openMarket } from './faults/market.ts';
it('dbg', async () => {
  for (const [at, side] of [[1,'before'],[1,'after'],[2,'before']] as const) {
  const market = await openMarket({ failsAt: 20 });
  market.shops[0]!.life().dieAt(at, side);
  const a = await ask(market.till, { isStream: true });
  console.log('FIRST', at, side, a.judgement, a.said, a.text.length);
  await market.shops[0]!.restart();
  const b = await ask(market.till, { isStream: true });
  console.log('SECOND', b.judgement, b.said, b.text.length, JSON.stringify((await market.till.client().spend({limit: 10})).calls.map(c=>[c.provider.slice(-4), c.outcome, c.outputTokens, c.charged])));
  await market.stop();
  }
});
