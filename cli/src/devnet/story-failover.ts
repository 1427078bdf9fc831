/**
 * The part of the story in which a provider dies in the middle of its answer: its process is killed without
 * a word while tokens stream, the answer goes on at the other one, and the dead one comes back to its due. What is
 * told is seen from outside: by the client's clock, and in what the providers signed.
 */
import { AppError, type JobProof, type ProvenJob } from '@aitbc/protocol';
import { pause } from '../chain/await-final.ts';
import { latencyText, shortAddress } from '../wording.ts';
import type { Devnet } from './bring-up.ts';
import type { ProviderName } from './daemon-name.ts';
import type { Narrator } from './narrator.ts';

/** About the end of the first window of 16 tokens. A piece is what came at once: on a busy machine several tokens. */
const killedAtCharacters = 60;
/** The buyer asks a provider that was away after growing waits, the eighth time after 36 seconds. */
const closeTimeoutMs = 120_000;
const pollMs = 20;

/** What the failover showed. */
export interface FailoverResult {
  readonly killed: string;
  /** Output tokens that came from the provider that died. */
  readonly tokensBefore: number;
  /** Between the last piece of the one and the first of the other, as the client saw it. */
  readonly gapMs: number;
}

/** Kills the provider that serves, and measures what the client sees of it. */
export interface Strike {
  /** Called with each piece as it comes, and who the answer began with. Returns how the blow is told, once. */
  onPiece(piece: string, provider: string | null): (() => Promise<void>) | undefined;
  /** Undefined when nobody was killed. */
  result(): { readonly killed: ProviderName; readonly gapMs: number } | undefined;
}

/**
 * A strike that waits for its moment; it never comes where an answer could not go on. The blow falls at once, without
 * a question to anybody: an answer of a second would be over meanwhile. The gap is the longest silence after it.
 */
export async function createStrike(devnet: Devnet, say: Narrator): Promise<Strike> {
  const names = await namesOf(devnet);
  let characters = 0;
  let killed: ProviderName | undefined;
  let lastMs = 0;
  let gapMs = 0;
  return {
    onPiece(piece, provider) {
      const nowMs = performance.now();
      characters += piece.length;
      if (killed) gapMs = Math.max(gapMs, nowMs - lastMs);
      lastMs = nowMs;
      const server = names.get(provider ?? '');
      if (killed || !server || names.size < 2 || characters < killedAtCharacters) return undefined;
      const { pid } = devnet.daemon(server);
      const gone = devnet.kill(server);
      killed = server;
      return async () => {
        await gone;
        say.endStream();
        say.fact(`kill -9 ${pid}: ${server} is gone, in the middle of the answer`, true);
      };
    },
    result: () => killed && { killed, gapMs },
  };
}

async function namesOf({ providers }: Devnet): Promise<Map<string, ProviderName>> {
  const all = [...providers].map(async ([name, client]) => {
    return [(await client.status({})).provider, name] as const;
  });
  return new Map(await Promise.all(all));
}

/** Starts the dead provider again, and waits until it has signed for what it delivered. */
export async function endFailover(
  devnet: Devnet,
  say: Narrator,
  { killed, jobId }: { readonly killed: ProviderName; readonly jobId: string },
): Promise<JobProof> {
  say.act('The provider comes back to its due');
  const begunMs = performance.now();
  await devnet.restart(killed);
  for (;;) {
    const proof = await devnet.clients.gateway.proof({ jobId });
    if (proof.parts.every(isClosed)) {
      const after = latencyText(performance.now() - begunMs);
      say.fact(`${killed} is back and has signed for its last tokens, ${after} later:`, true);
      say.aside('   the buyer told it how far its words had come');
      return proof;
    }
    if (performance.now() - begunMs > closeTimeoutMs) {
      throw new AppError('TIMEOUT', { what: killed, timeoutMs: closeTimeoutMs });
    }
    await pause(pollMs, devnet.signal);
  }
}

/** Its end is signed: with its last receipt, or with one for tokens that did not arrive any more. */
function isClosed({ receipts, tail, surplus }: JobProof['parts'][number]): boolean {
  const last = surplus.at(-1) ?? (tail === null ? receipts.at(-1) : undefined);
  return last !== undefined && last.payload.outcome !== 'running';
}

/** One line for each provider: its tokens and its money. */
export function tellParts({ parts }: ProvenJob, say: Narrator): void {
  for (const { from, to, charged, hasPrompt, offer } of parts) {
    const what = hasPrompt ? 'these and the prompt' : 'these alone, no prompt';
    const money = `${charged.toLocaleString('en')} nait`;
    say.fact(
      `${shortAddress(offer.provider)}: tokens ${from} to ${to}; ${money} for ${what}`,
      true,
    );
  }
}
