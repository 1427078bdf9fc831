/**
 * A provider that nobody can dial sells streams. Real processes: chain, coordinator, gateway and one provider on this
 * machine, and a cheaper provider in a network namespace of its own, whose line leads out and lets nothing in. Buyers
 * reach it by the coordinator's relay, over the connection that it opened itself; the gateway is a stock one.
 *
 * It is killed with SIGKILL in mid-answer: the stream goes on at the other provider, word for word, and both are paid on
 * chain to the nait. Where namespaces cannot be made, the provider runs on loopback and relays all the same; then
 * "nobody can dial it" is not shown, and the output says so.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type DaemonProcess, startDaemon } from '@aitbc/cli/devnet';
import { chargeFor, priceOf, unwrap, verifyJobProof } from '@aitbc/protocol';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settleAll, startNetwork, type TestNetwork, until } from './harness.ts';
import { type NatMachine, startNatMachine } from './net/nat.ts';

const tokens = 64;
const killAtPiece = 4;
const triesMax = 8;
const dialMs = 1_000;
const port = 8_008;
const messages = [
  { role: 'user' as const, content: 'How does a virtual table use the xColumn method?' },
];

const machine = startNatMachine();
let network: TestNetwork;
let hidden: DaemonProcess;
let address: string;
let model: string;

interface Status {
  readonly provider: string;
  readonly charged: string;
  readonly claimed: string;
  readonly running: number;
}

const hostOf = (place: NatMachine | undefined) => place?.outerHost ?? '127.0.0.1';
const portOf = (url: string) => new URL(url).port;
const dataDir = () => join(network.devnet.home, 'hidden');

/** A call to the hidden provider's own port, from where it is. */
async function askHidden(path: string, token?: string): Promise<unknown> {
  const url = `http://127.0.0.1:${portOf(hidden.url)}${path}`;
  if (machine) return machine.ask(url, token);
  const init = token ? { method: 'POST', headers: { authorization: `Bearer ${token}` } } : {};
  return (await fetch(url, init)).json();
}

function startHidden(): Promise<DaemonProcess> {
  const { devnet } = network;
  const urlOf = (name: 'node' | 'coordinator') =>
    `http://${hostOf(machine)}:${portOf(devnet.daemon(name).url)}`;
  return startDaemon({
    name: 'provider-9',
    args: [
      ...['--port', machine ? String(port) : '0', '--host', machine ? '0.0.0.0' : '127.0.0.1'],
      ...['--data-dir', dataDir(), '--engine', 'embedded', '--register', '--relay'],
      ...['--node-url', urlOf('node'), '--coordinator-url', urlOf('coordinator')],
      ...['--price-input', '1000000', '--price-output', '10000000'],
    ],
    wrapper: machine?.wrapper ?? [],
    logFile: join(devnet.home, 'logs', 'hidden.log'),
  });
}

const offersNow = async () =>
  (
    await network.devnet.clients.coordinator
      .route({ models: [model] })
      .catch(() => ({ offers: [] }))
  ).offers;

/** Waits until both sell and the hidden one, the cheaper, comes first. */
const bothSell = () =>
  until(
    'both providers sell',
    async () => {
      const offers = await offersNow();
      return offers.length === 2 && offers[0]?.offer.payload.provider === address && offers;
    },
    60_000,
  );

beforeAll(async () => {
  const everywhere = { AITBC_NODE_HOST: '0.0.0.0', AITBC_COORDINATOR_HOST: '0.0.0.0' };
  if (machine) Object.assign(process.env, everywhere);
  process.env.AITBC_GATEWAY_CHANNEL_FUND = '50000000';
  network = await startNetwork({ validators: 1, providers: 1 });
  const { clients } = network.devnet;
  model = (await clients.coordinator.models({})).data[0]?.id ?? '';
  hidden = await startHidden();
  address = ((await askHidden('/v1/status')) as Status).provider;
  await clients.node.rpc.dev_faucet({ address });
  await bothSell();
});
afterAll(async () => {
  const set = ['AITBC_NODE_HOST', 'AITBC_COORDINATOR_HOST', 'AITBC_GATEWAY_CHANNEL_FUND'];
  for (const name of set) delete process.env[name];
  await hidden?.stop();
  await network?.end();
  machine?.stop();
  console.info(
    machine
      ? 'the hidden provider ran in a network namespace that lets nothing in'
      : 'no namespaces here: the hidden provider ran on loopback, and that nobody can dial it was NOT shown',
  );
});

interface Answer {
  readonly text: string;
  /** Provider that the answer began with. */
  readonly first: string | null;
}

/** One paid stream through the gateway; `onPiece` hears each piece as it arrives. */
async function ask(onPiece: (pieces: number) => void = () => {}): Promise<Answer> {
  let first: string | null = null;
  const watch: typeof fetch = async (...call) => {
    const answer = await fetch(...call);
    first = answer.headers.get('x-aitbc-provider');
    return answer;
  };
  const baseURL = `${network.devnet.daemon('gateway').url}/v1`;
  const openai = new OpenAI({ baseURL, apiKey: 'unused', maxRetries: 0, fetch: watch });
  const body = { model, messages, max_tokens: tokens, temperature: 0, stream: true as const };
  let text = '';
  let pieces = 0;
  for await (const part of await openai.chat.completions.create(body)) {
    const piece = part.choices[0]?.delta.content ?? '';
    text += piece;
    if (piece === '') continue;
    pieces += 1;
    onPiece(pieces);
  }
  return { text, first };
}

/** The newest job's proof, once every part has its final receipt. */
const closedProof = () =>
  until('every provider of the job has signed its end', async () => {
    const { gateway } = network.devnet.clients;
    const { calls } = await gateway.spend({ limit: 1 });
    const proof = await gateway.proof({ jobId: calls[0]?.jobId ?? '' });
    const isClosed = proof.parts.every(({ receipts, tail, surplus }) => {
      const last = surplus.at(-1) ?? (tail === null ? receipts.at(-1) : undefined);
      return last !== undefined && last.payload.outcome !== 'running';
    });
    return isClosed && proof;
  });

/** Claims at the hidden provider until all that it charged is paid; only its owner, on its own machine, can. */
async function settleHidden(): Promise<Status> {
  const token = readFileSync(join(dataDir(), 'admin.token'), 'utf8').trim();
  return until('the hidden provider is paid', async () => {
    await askHidden('/v1/payments/claim', token);
    const status = (await askHidden('/v1/status')) as Status;
    return status.running === 0 && status.charged === status.claimed && status;
  });
}

describe('a provider behind NAT', () => {
  let undisturbed: string;

  it('listens on every address, and still nobody can dial it', async ({ skip }) => {
    skip(!machine, 'no network namespaces on this machine');
    expect(hidden.url).toContain(`:${port}`);
    const { provider } = (await askHidden('/v1/status')) as Status;
    expect(provider).toBe(address);
    const outcome = await new Promise<string>((resolve) => {
      const socket = connect({ host: machine?.innerHost ?? '', port });
      socket
        .once('connect', () => resolve('connected'))
        .once('error', ({ message }) => resolve(message));
      setTimeout(() => {
        socket.destroy();
        resolve('nothing');
      }, dialMs);
    });
    expect(outcome).not.toBe('connected');
  });

  it('offers the address of the relay', async () => {
    const [best] = await bothSell();
    const { coordinator } = network.devnet.clients;
    const { providers } = await coordinator.listProviders({});
    const { endpoint } = best?.offer.payload ?? {};
    const relay = `http://${hostOf(machine)}:${portOf(network.devnet.daemon('coordinator').url)}/v1/relay/`;
    expect(endpoint).toBe(relay + address);
    expect(providers.find(({ provider }) => provider === address)?.endpoint).toBe(endpoint);
  });

  it('serves a paid stream', async () => {
    const { text, first } = await ask();
    expect(first).toBe(address);
    expect(text.length).toBeGreaterThan(60);
    undisturbed = text;
    const proof = await closedProof();
    expect(proof.parts).toHaveLength(1);
    const { network: chain } = await network.devnet.clients.node.network();
    const proven = unwrap(verifyJobProof(chain, proof));
    expect(proven).toMatchObject({ outputTokens: tokens, unsignedTokens: 0, surplusTokens: 0 });
  });

  it('shows its owner calls to nobody over the relay', async () => {
    const [best] = await bothSell();
    const token = readFileSync(join(dataDir(), 'admin.token'), 'utf8').trim();
    const headers = { authorization: `Bearer ${token}` };
    for (const path of ['/v1/earnings', '/metrics']) {
      const answer = await fetch(best?.offer.payload.endpoint + path, { headers });
      expect(answer.status).toBe(404);
    }
  });

  it('is killed in mid-answer, and the stream goes on at another, word for word', async () => {
    let parts = 1;
    for (let tries = 1; parts === 1; tries += 1) {
      expect(tries, 'kills that came too late').toBeLessThanOrEqual(triesMax);
      await bothSell();
      let killing: Promise<void> | undefined;
      const { text, first } = await ask((pieces) => {
        if (pieces === killAtPiece) killing = hidden.kill();
      });
      expect(first).toBe(address);
      expect(text).toBe(undisturbed);
      if (!killing) continue; // on a busy machine the whole answer can arrive in a piece or two
      await killing;
      hidden = await startHidden();
      await bothSell();
      const proof = await closedProof();
      parts = proof.parts.length;
      const { network: chain } = await network.devnet.clients.node.network();
      const proven = unwrap(verifyJobProof(chain, proof));
      expect(proven.outputTokens).toBe(tokens);
      for (const { offer, receipts, surplus } of proof.parts) {
        const signed = [...receipts, ...surplus];
        const [begun, last] = [signed[0]!.payload, signed.at(-1)!.payload];
        const usage = { promptTokens: last.promptTokens, outputTokens: last.to - begun.from };
        const due = chargeFor(priceOf(offer.payload), usage, last.outcome);
        expect(last.charged).toBe(usage.outputTokens === 0 ? '0' : due.toString());
      }
    }
  });

  it('is passed over at once while it is away, also by who still has its offer', async () => {
    await ask(); // the ranking is fresh now
    await hidden.kill();
    const { text, first } = await ask();
    expect(text).toBe(undisturbed);
    expect(first).not.toBe(address);
    hidden = await startHidden();
    await bothSell();
  });

  it('is paid on chain to the nait, like the other', async () => {
    const { charged } = await settleHidden();
    await settleAll(network.devnet);
    const { node, gateway } = network.devnet.clients;
    const { channels } = await gateway.spend({ limit: 1 });
    expect(channels).toHaveLength(2);
    for (const { channelId, charged: booked } of channels) {
      const { totalClaimed } = await node.rpc.state_getChannel({ channelId });
      expect(totalClaimed).toBe(booked);
    }
    expect(channels.map((channel) => channel.charged)).toContain(charged);
    const audit = await node.rpc.state_audit({});
    expect(audit).toMatchObject({ supply: audit.genesisSupply, problems: [] });
  });
});
