/**
 * Catching up by ranges of final blocks. A node that hears of a later epoch, or of a view far ahead,
 * asks whoever said so for what follows its own end; every block must be proven by a finalization of its
 * own epoch's set, its own or that of a later block of the same answer, and stand on the one before.
 */
import { voteKinds } from '@aitbc/protocol';
import type { Life } from './life.ts';
import type { ProvenBlock } from './messages.ts';

const rangeMax = 256;
/** Views behind which a node asks for blocks: well inside the window of the core. */
export const farViews = 64;
/** Blocks behind which fetching them one by one takes longer than asking for a range. */
export const farBlocks = 8;

/** Asks a peer for the blocks after our end, at most once in a hop. */
export function askRange(life: Life, peer: number): void {
  const nowMs = life.stage.world.nowUs() / 1000;
  if (nowMs < life.askedRangeAtMs + life.stage.plan.hopMinMs) return;
  life.askedRangeAtMs = nowMs;
  life.send(peer, { type: 'wantRange', from: life.final.height + 1 });
}

/** Answers with stored blocks, up to one that carries its own finalization. */
export function answerRange(life: Life, peer: number, from: number): void {
  const stored = life.disks.store.records;
  const blocks = stored.slice(from - 1, from - 1 + rangeMax);
  while (blocks.length > 0) {
    if (isSelfProven(blocks[blocks.length - 1] as ProvenBlock)) break;
    blocks.pop();
  }
  if (blocks.length > 0) life.send(peer, { type: 'range', blocks });
}

/** The blocks of an answer that are proven and follow our end, oldest first. */
export function provenBlocks(life: Life, blocks: readonly ProvenBlock[]): ProvenBlock[] {
  const proven: ProvenBlock[] = [];
  let { hash, height } = life.final;
  for (const [at, one] of blocks.entries()) {
    const { block, certificate } = one;
    if (block.height <= life.final.height) continue;
    const epoch = life.stage.epochs.of(life.stage.epochs.numberOf(block.height));
    const isNext = block.parent === hash && block.height === height + 1;
    const names = blocks.slice(at, at + rangeMax).map((later) => later.block.hash);
    if (!isNext || block.epoch !== epoch.number || !names.includes(certificate.blockHash)) break;
    const isProven =
      certificate.kind === voteKinds.finalize &&
      life.schemeOf(epoch).verifyCertificate(certificate);
    if (life.checksRanges && !isProven) break;
    proven.push(one);
    ({ hash, height } = block);
  }
  while (proven.length > 0 && !isSelfProven(proven[proven.length - 1] as ProvenBlock)) proven.pop();
  return proven;
}

function isSelfProven({ block, certificate }: ProvenBlock): boolean {
  return certificate.blockHash === block.hash;
}
