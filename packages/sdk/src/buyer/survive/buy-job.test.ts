import { hex, keyPairFromSeed } from '@aitbc/primitives';
import { AppError, type SignedReceipt, signDocument } from '@aitbc/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestChain } from '../../node/testing/chain.ts';
import type { SellerFailure } from '../../node/testing/seller-types.ts';
import { expectSettled, expectWhole, warm } from '../testing/answers.ts';
import { callOf, createTestMarket, drain, words } from '../testing/test-market.ts';

const { sell, buy, close } = createTestMarket();
afterEach(close);
const promptPrice = 5n;
const requestPrice = 7n;
const tokenPrice = 10n;

describe('an answer whose provider dies', () => {
  it.for([4, 16])(
    'is whole wherever that happens, with windows of %i tokens',
    async (windowTokens, { annotate }) => {
      const chain = createTestChain();
      const first = await sell(chain, { windowTokens });
      const second = await sell(chain, { windowTokens });
      const buyer = await buy(chain);
      await warm(chain, buyer, [first, second]);
      const gapsMs: number[] = [];
      for (let index = 1; index < words.length; index += 1) {
        first.faults.fail = { after: index, how: 'kill' };
        const drained = await drain(await buyer.run(callOf(`k${index}`)));
        expectWhole(drained, [first, second]);
        const [failed, last] = drained.end?.parts ?? [];
        expect(failed).toMatchObject({ to: index, charged: BigInt(index) * tokenPrice });
        const rest = BigInt(words.length - index);
        expect(last?.charged).toBe(requestPrice + promptPrice + rest * tokenPrice);
        gapsMs.push(...drained.moves.map(({ gapMs }) => gapMs));
      }
      expect(chain.sent).toEqual([]);
      await expectSettled(buyer, [first, second]);
      const whole = requestPrice + promptPrice + BigInt(words.length) * tokenPrice;
      expect(buyer.spentToday()).toBe(BigInt(words.length) * whole);
      expect(first.exposure()).toBeLessThanOrEqual(windowTokens);
      expect(second.exposure()).toBeLessThanOrEqual(windowTokens);
      gapsMs.sort((a, b) => a - b);
      const [median = 0, worst = 0] = [gapsMs[gapsMs.length >> 1], gapsMs.at(-1)];
      await annotate(`gap of ${gapsMs.length} kills: median ${median} ms, worst ${worst} ms`);
      expect(worst).toBeLessThan(500);
    },
  );

  it('begins anew when the first had only taken the job, and ends when only the last word was missing', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { fail: { after: 0, how: 'kill' } } });
    const second = await sell(chain);
    const buyer = await buy(chain);
    expectWhole(await drain(await buyer.run(callOf('k0'))), [second]);
    expect(second.resumed()).toBe(0);
    first.faults.fail = { after: words.length, how: 'kill' };
    const drained = await drain(await buyer.run(callOf('k1')));
    expectWhole(drained, [first, second]);
    expect(drained.end).toMatchObject({ outcome: 'complete', finishReason: 'stop', charged: 300n });
    await expectSettled(buyer, [first, second]);
    expect(buyer.spentToday()).toBe(612n);
  });

  it('begins anew when the first says that it was not paid for a single token, though it was', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { fail: { after: 0, how: 'limit' } } });
    const second = await sell(chain);
    const buyer = await buy(chain);
    expectWhole(await drain(await buyer.run(callOf('k'))), [second]);
    expect(first.calls()).toBe(1);
    await expectSettled(buyer, [first, second]);
  });

  it('begins anew at the next provider when nothing had come, and owes the first nothing', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { isDown: true } });
    const second = await sell(chain);
    const buyer = await buy(chain);
    const drained = await drain(await buyer.run(callOf('k')));
    expectWhole(drained, [second]);
    expect([first.calls(), second.resumed()]).toEqual([0, 0]);
  });

  it('ends as length without asking anybody when the last token that was asked for had come', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { fail: { after: 8, how: 'kill' } } });
    const second = await sell(chain);
    const buyer = await buy(chain);
    const job = await buyer.run(callOf('k', { max_tokens: 8 }));
    const { answer, end } = await drain(job);
    expect(answer).toBe(words.slice(0, 8).join(''));
    expect(end).toMatchObject({ outcome: 'complete', finishReason: 'length', outputTokens: 8 });
    expect(end?.parts).toMatchObject([{ provider: first.address, from: 0, to: 8, charged: 80n }]);
    expect(second.calls()).toBe(0);
  });

  it.each<[SellerFailure, string]>([
    ['stall', 'TIMEOUT'],
    ['garbage', 'ENGINE_PROTOCOL'],
    ['error', 'ENGINE_CRASHED'],
    ['fault', 'ENGINE_CRASHED'],
    ['end', 'UNAVAILABLE'],
    ['limit', 'UNAVAILABLE'],
  ])('goes on after a %s', async (how, code) => {
    const chain = createTestChain();
    const first = await sell(chain);
    const second = await sell(chain);
    const buyer = await buy(chain, { stallMs: how === 'stall' ? 200 : 20_000 });
    await warm(chain, buyer, [first, second]);
    first.faults.fail = { after: 10, how };
    const drained = await drain(await buyer.run(callOf('k')));
    expectWhole(drained, [first, second]);
    expect(drained.moves).toMatchObject([{ from: first.address, to: second.address, code }]);
    expect(chain.sent).toEqual([]);
    await expectSettled(buyer, [first, second]);
  });

  it('goes on when more comes than is covered, and hands none of that on', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { generousAfter: 6 } });
    const second = await sell(chain);
    const buyer = await buy(chain);
    const drained = await drain(await buyer.run(callOf('k')));
    expectWhole(drained, [first, second]);
    expect(drained.moves).toMatchObject([{ code: 'ENGINE_PROTOCOL' }]);
    expect(drained.end?.parts[0]).toMatchObject({ to: 6, charged: 60n });
  });

  it('pays nobody for tokens that others gave', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { fail: { after: 10, how: 'kill' } } });
    const greedy = await sell(chain);
    const third = await sell(chain);
    const authorizer = keyPairFromSeed(new Uint8Array(32).fill(111));
    const signer = { publicKey: hex(authorizer.publicKey), secretKey: authorizer.secretKey };
    greedy.faults.spoil = ({ payload }): SignedReceipt => {
      const charged = String(payload.to * 10);
      return signDocument(
        { tag: 'receipt', network: chain.network },
        { ...payload, charged },
        signer,
      );
    };
    const buyer = await buy(chain, { standby: 2 });
    const drained = await drain(await buyer.run(callOf('k')));
    expectWhole(drained, [first, greedy, third]);
    expect(drained.moves[1]).toMatchObject({ from: greedy.address, code: 'RECEIPT_INVALID' });
    expect(drained.end?.parts[1]).toMatchObject({ charged: 0n });
  });

  it('goes on when a receipt is forged, and signs nothing more for who forged it', async () => {
    const chain = createTestChain();
    const first = await sell(chain);
    const second = await sell(chain);
    const buyer = await buy(chain);
    await warm(chain, buyer, [first, second]);
    const authorizer = keyPairFromSeed(new Uint8Array(32).fill(110));
    const signer = { publicKey: hex(authorizer.publicKey), secretKey: authorizer.secretKey };
    const { network } = chain;
    first.faults.spoil = ({ payload }): SignedReceipt =>
      payload.to < 8
        ? signDocument({ tag: 'receipt', network }, payload, signer)
        : signDocument({ tag: 'receipt', network }, { ...payload, charged: '999' }, signer);
    const drained = await drain(await buyer.run(callOf('k')));
    expectWhole(drained, [first, second]);
    expect(drained.end?.parts[0]).toMatchObject({ to: 8, charged: 40n });
    const row = () => buyer.channels().find(({ provider }) => provider === first.address);
    expect(row()?.status).toBe('distrusted');
    const { signedMax } = row() ?? {};
    expectWhole(await drain(await buyer.run(callOf('k2'))), [second]);
    expect(row()?.signedMax).toBe(signedMax);
  });

  it('goes on twice, and each provider gets its own tokens', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: { fail: { after: 7, how: 'kill' } } });
    const second = await sell(chain, { faults: { fail: { after: 9, how: 'fault' } } });
    const third = await sell(chain);
    const buyer = await buy(chain, { standby: 2 });
    const drained = await drain(await buyer.run(callOf('k')));
    expectWhole(drained, [first, second, third]);
    expect(drained.end?.parts).toMatchObject([
      { to: 7, charged: 70n, outcome: 'provider_error' },
      { to: 16, charged: 90n, outcome: 'provider_error' },
      { to: 30, charged: 152n, outcome: 'complete' },
    ]);
    await expectSettled(buyer, [first, second, third]);
    expect(buyer.spentToday()).toBe(312n);
  });

  it.each([2, 3, 5])('counts lines of %i tokens as they are marked', async (lineTokens) => {
    const chain = createTestChain();
    const first = await sell(chain, { windowTokens: 8, faults: { lineTokens } });
    const second = await sell(chain, { windowTokens: 8, faults: { lineTokens } });
    first.faults.fail = { after: 11, how: 'kill' };
    const buyer = await buy(chain);
    const drained = await drain(await buyer.run(callOf('k')));
    expectWhole(drained, [first, second]);
    expect(drained.end?.parts[0]?.to).toBe(Math.ceil(11 / lineTokens) * lineTokens);
  });

  it('throws the last failure when three providers have failed, after what had come', async () => {
    const chain = createTestChain();
    const sellers = [];
    for (const after of [5, 6, 7]) {
      sellers.push(await sell(chain, { faults: { fail: { after, how: 'kill' } } }));
    }
    const fourth = await sell(chain);
    const buyer = await buy(chain);
    const drained = await drain(await buyer.run(callOf('k')), { isQuiet: true });
    expect(fourth.calls()).toBe(0);
    expect(drained).toMatchObject({ answer: words.slice(0, 18).join(''), end: undefined });
    expect(drained.error).toMatchObject({ code: 'UNAVAILABLE' });
    await expectSettled(buyer, [...sellers, fourth]);
    expect(buyer.spentToday()).toBe(180n);
  });

  it('throws the failure when there is only one provider', async () => {
    const chain = createTestChain();
    const only = await sell(chain, { faults: { fail: { after: 9, how: 'kill' } } });
    const buyer = await buy(chain);
    await expect(drain(await buyer.run(callOf('k')))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await expectSettled(buyer, [only]);
    expect(buyer.spentToday()).toBe(90n);
  });

  it('does not go on when the budget of the job is used up, or the caller has left', async () => {
    const chain = createTestChain();
    await sell(chain, { faults: { fail: { after: 9, how: 'kill' } } });
    const second = await sell(chain);
    const small = await buy(chain, { jobMax: 250n });
    await expect(drain(await small.run(callOf('k')))).rejects.toMatchObject({
      code: 'BUDGET_EXCEEDED',
    });
    expect(second.calls()).toBe(0);
  });
});

describe('who goes on', () => {
  it('is known without asking the coordinator while the client waits', async () => {
    const chain = createTestChain();
    const first = await sell(chain);
    const second = await sell(chain);
    const routes: number[] = [];
    const buyer = await buy(chain, { onRoute: () => void routes.push(Date.now()) });
    await warm(chain, buyer, [first, second]);
    first.faults.fail = { after: 9, how: 'kill' };
    const job = await buyer.run(callOf('k'));
    routes.length = 0;
    expectWhole(await drain(job), [first, second]);
    expect(routes).toEqual([]);
    second.faults.fail = { after: 9, how: 'kill' };
    const third = await sell(chain);
    second.faults.isDown = true;
    expectWhole(await drain(await buyer.run(callOf('k2'))), [first, third]);
    expect(routes.length).toBeGreaterThan(0);
  });

  const failing = { fail: { after: 9, how: 'kill' } } as const;

  it('has the same weights, and continues exactly if anybody does', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: failing });
    const other = await sell(chain, { digest: 'sha256:11' });
    const vague = await sell(chain, { canResume: false });
    const exact = await sell(chain);
    const buyer = await buy(chain);
    expectWhole(await drain(await buyer.run(callOf('k1'))), [first, exact]);
    exact.faults.isDown = true;
    expectWhole(await drain(await buyer.run(callOf('k2'))), [first, vague]);
    expect(other.calls()).toBe(0);
  });

  it('is the next one when a provider cannot continue after all', async () => {
    const chain = createTestChain();
    const first = await sell(chain, { faults: failing });
    const unable = await sell(chain, { faults: { cannotResume: true } });
    const third = await sell(chain);
    const buyer = await buy(chain);
    const drained = await drain(await buyer.run(callOf('k')));
    expectWhole(drained, [first, third]);
    expect(drained.moves).toMatchObject([{ from: first.address, to: third.address }]);
    expect(unable.calls()).toBe(1);
    await expectSettled(buyer, [first, unable, third]);
  });

  it('has a funded channel before it is needed, and only one more is kept than is used', async () => {
    const chain = createTestChain();
    const sellers = [await sell(chain), await sell(chain), await sell(chain)];
    const buyer = await buy(chain);
    await warm(chain, buyer, sellers.slice(0, 2));
    await drain(await buyer.run(callOf('k')));
    expect(buyer.channels()).toHaveLength(2);
    const none = await buy(createTestChain(2), { standby: 0 });
    expect(none.channels()).toEqual([]);
  });

  it('leaves the answer alone when the standby channel cannot be funded', async () => {
    const chain = createTestChain();
    const first = await sell(chain);
    await sell(chain);
    let sends = 0;
    chain.onSend = async () => {
      sends += 1;
      if (sends > 1) throw new AppError('UNAVAILABLE', { what: 'node', reason: 'test' });
    };
    const buyer = await buy(chain);
    for (const key of ['k1', 'k2', 'k3']) {
      expectWhole(await drain(await buyer.run(callOf(key))), [first]);
    }
    expect(sends).toBe(2);
  });
});

describe('a provider that stays silent', () => {
  it.each([3, 4, 6, 9])(
    'is left although a voucher is on its way, frozen after %i tokens',
    async (after) => {
      const chain = createTestChain();
      const first = await sell(chain);
      const second = await sell(chain);
      const buyer = await buy(chain, { stallMs: 100 });
      await warm(chain, buyer, [first, second]);
      first.faults.fail = { after, how: 'freeze' };
      const drained = await drain(await buyer.run(callOf('k')));
      expectWhole(drained, [first, second]);
      expect(drained.moves).toMatchObject([{ code: 'TIMEOUT' }]);
      expect(drained.moves[0]?.gapMs).toBeLessThan(1_000);
    },
  );

  it('is not left while it waits for a voucher of ours', async () => {
    const chain = createTestChain();
    const first = await sell(chain);
    await sell(chain);
    const buyer = await buy(chain, { stallMs: 40, channelFund: 150n, standby: 0 });
    chain.onSend = async () => {
      await new Promise((resolve) => setTimeout(resolve, 150));
    };
    expectWhole(await drain(await buyer.run(callOf('k'))), [first]);
  });

  it('is not blamed for a caller who reads slowly', async () => {
    const chain = createTestChain();
    const first = await sell(chain);
    await sell(chain);
    const buyer = await buy(chain, { stallMs: 30, mode: 'reserve' });
    const job = await buyer.run(callOf('k', { max_tokens: 30 }));
    const drained = await drain(job, { pauseMs: 45 });
    expectWhole(drained, [first]);
  });
});
