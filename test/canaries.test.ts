/**
 * Nobody buys here but the coordinator: its canaries go through an ordinary gateway, are paid like all jobs, and are
 * replayed by other providers, so that newcomers are known, and cheats caught, before a buyer meets them.
 */
import { chosenOf, disguised, smallModelPath } from '@aitbc/cli/net';
import {
  bundledModelPath,
  createEmbeddedEngine,
  type EmbeddedEngine,
} from '@aitbc/provider/testing';
import { afterAll, expect, it } from 'vitest';
import { openTown, type Town } from './audits/town.ts';
import { until } from './harness.ts';

const waitMs = 60_000;
const engines: EmbeddedEngine[] = [];
let town: Town | undefined;

async function engineOf(modelPath: string) {
  const engine = createEmbeddedEngine({ modelPath });
  engines.push(engine);
  await engine.start();
  return chosenOf(engine);
}

afterAll(async () => {
  await town?.stop();
  for (const engine of engines) await engine.stop();
});

it('canaries make honest newcomers known and catch one that serves a smaller model', {
  timeout: 2 * waitMs,
}, async () => {
  const large = await engineOf(bundledModelPath());
  const small = await engineOf(smallModelPath());
  const [model] = large.probe.models;
  if (!model) throw new Error('the engine has no model');
  town = await openTown(3, { canaries: true });
  const { addProvider, coordinator } = town;
  const honest = [await addProvider({ engine: large }), await addProvider({ engine: large })];
  const cheat = await addProvider({ engine: disguised(small, model) });
  const statesOf = async (provider: string) =>
    (await coordinator.listAudits({ provider })).audits.map(({ state }) => state);
  for (const { address, client } of honest) {
    await until(
      'an honest newcomer is known',
      async () => {
        return (await statesOf(address)).includes('honest');
      },
      waitMs,
    );
    expect((await client.status({})).jobs).toBeGreaterThan(0);
    const { inputs } = await coordinator.providerScore({ address });
    expect(inputs).toMatchObject({ auditsFailed: 0 });
  }
  const against = ['accused', 'disputed', 'guilty', 'unproven'];
  const caught = await until(
    'the cheat is caught',
    async () => {
      return (await statesOf(cheat.address)).find(
        (state) => state !== 'waiting' && state !== 'assigned',
      );
    },
    waitMs,
  );
  expect(against).toContain(caught);
});
