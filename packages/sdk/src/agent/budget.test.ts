import { keyPairFromSeed } from '@aitbc/primitives';
import { AppError, devnetParams, networkFromHash, type TxBody, type TxKind } from '@aitbc/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLocalSigner } from '../chain/signer.ts';
import { feeOf, type TxSender } from '../chain/tx-sender.ts';
import { openBudget } from './budget.ts';
import { createBudgetedSender } from './budgeted-sender.ts';
import { createMemoryAgentStore } from './store.ts';

const total = 1_000n;
const exceeded = { code: 'BUDGET_EXCEEDED' };

describe('the budget of an agent', () => {
  it('is never passed, whatever is held, spent, left open and restarted', async () => {
    const step = fc.record({
      nait: fc.bigInt({ min: 0n, max: 600n }),
      used: fc.integer({ min: 0, max: 100 }),
      end: fc.constantFrom('settle', 'leave', 'crash'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const store = createMemoryAgentStore();
        let budget = await openBudget(store, total);
        let spent = 0n;
        for (const [at, { nait, used, end }] of steps.entries()) {
          const isFree = nait <= total - budget.spentNait - budget.heldNait;
          const holding = budget.hold(`${at}`, nait);
          if (!isFree) {
            await expect(holding).rejects.toMatchObject(exceeded);
            continue;
          }
          const hold = await holding;
          const cost = (nait * BigInt(used)) / 100n;
          if (end === 'settle') await hold.settle(cost);
          if (end === 'settle') spent += cost;
          if (end === 'leave') hold.leave(async () => undefined);
          if (end === 'crash') budget = await openBudget(store, total);
          expect(budget.spentNait).toBe(spent);
          expect(budget.spentNait + budget.heldNait).toBeLessThanOrEqual(total);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('frees what was held for the unknown once it is known, also after a restart', async () => {
    const store = createMemoryAgentStore();
    const budget = await openBudget(store, total);
    let cost: bigint | undefined;
    (await budget.hold('a', 900n)).leave(async () => cost);
    await expect(budget.hold('b', 200n)).rejects.toMatchObject(exceeded);
    cost = 300n;
    await (await budget.hold('b', 200n)).settle(200n);
    expect([budget.spentNait, budget.heldNait]).toEqual([500n, 0n]);
    await budget.hold('c', 400n);
    const later = await openBudget(store, total);
    expect(later.heldNait).toBe(400n);
    later.recover((name) => (name === 'c' ? async () => 50n : undefined));
    await later.hold('d', 450n);
    expect([later.spentNait, later.heldNait]).toEqual([550n, 450n]);
  });

  it('counts what came back, and does not start from a state that is none', async () => {
    const store = createMemoryAgentStore();
    const budget = await openBudget(store, total);
    await (await budget.hold('a', 900n)).settle(900n);
    await budget.refund(400n);
    expect(budget.spentNait).toBe(500n);
    expect((await openBudget(store, total)).spentNait).toBe(500n);
    await store.save('budget', { spent: -1 });
    await expect(openBudget(store, total)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});

describe('a sender within a budget', () => {
  const network = networkFromHash('test', 'ab'.repeat(32));
  const keys = keyPairFromSeed(new Uint8Array(32).fill(1));
  const signer = createLocalSigner(network, keys.secretKey);
  const other = 'cd'.repeat(32);
  const fee = (kind: TxKind) => feeOf(devnetParams, kind, {});
  const post: TxBody<'task_post'> = {
    ...{ worker: other, arbiter: other, reward: 500_000n, deadlineMs: 1, reviewMs: 1 },
    ...{ specHash: other, salt: other },
  };

  /** A sender that answers with an error of a code, or takes everything. */
  async function create(code?: ConstructorParameters<typeof AppError>[0]) {
    const sent: TxKind[] = [];
    const inner: TxSender = {
      signer,
      async send(kind) {
        sent.push(kind);
        if (code) throw new AppError(code);
        return {} as never;
      },
    };
    const budget = await openBudget(createMemoryAgentStore(), 600_000n);
    const node = { network: async () => ({ network, params: devnetParams }) };
    return { sent, budget, sender: createBudgetedSender(inner, { node, budget }) };
  }

  it('counts rewards, transfers to others and fees, and not what stays in the own hands', async () => {
    const { sender, budget, sent } = await create();
    await sender.send('task_post', post);
    expect(budget.spentNait).toBe(500_000n + fee('task_post'));
    await sender.send('mandate_transfer', {
      owner: other,
      to: signer.accountId,
      amount: 10n ** 9n,
    });
    await sender.send('transfer', { to: other, amount: 7n, memo: '' });
    const fees = fee('task_post') + fee('mandate_transfer') + fee('transfer');
    expect(budget.spentNait).toBe(500_007n + fees);
    await expect(sender.send('task_post', post)).rejects.toMatchObject(exceeded);
    expect(sent).toHaveLength(3);
  });

  it('frees what was refused, and keeps what may have happened', async () => {
    const refused = await create('TX_FUNDS_INSUFFICIENT');
    await expect(refused.sender.send('task_post', post)).rejects.toMatchObject({});
    expect(refused.budget.spentNait).toBe(0n);
    const lost = await create('TIMEOUT');
    await expect(lost.sender.send('task_post', post)).rejects.toMatchObject({});
    expect(lost.budget.spentNait).toBe(500_000n + fee('task_post'));
  });
});
