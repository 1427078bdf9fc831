/** The toy ledger of a life: bodies arrive, wait for their parents, are executed, and get a verdict. */
import type { AgreedPoint } from '@aitbc/consensus';
import type { Hex } from '@aitbc/protocol';
import { anyPeer, type Feed, type Life } from './life.ts';
import type { ToyBlock } from './messages.ts';

const orphansMax = 256;
const bodiesMax = 4_096;

/** Takes a body of anybody; executes it when its parent is known, else asks for what is missing below. */
export function takeBody(life: Life, block: ToyBlock, feed: Feed): void {
  if (block.height <= life.final.height || block.epoch !== life.epoch.number) return;
  const isNew = !life.bodies.has(block.hash);
  if (isNew && (life.bodies.size >= bodiesMax || life.orphans.size >= orphansMax)) return;
  life.bodies.set(block.hash, block);
  const isReady = isKnown(life, block.parent);
  if (isNew && isReady) execute(life, block, feed);
  else if (!isReady) {
    const waiting = life.orphans.get(block.parent) ?? [];
    if (isNew) life.orphans.set(block.parent, [...waiting, block]);
    askMissing(life, block);
  }
}

function isKnown(life: Life, hash: Hex): boolean {
  return hash === life.final.hash || life.verdicts.get(hash) === true;
}

/** Asks for the nearest ancestor whose body is missing. */
function askMissing(life: Life, block: ToyBlock): void {
  let { parent } = block;
  while (!isKnown(life, parent)) {
    const body = life.bodies.get(parent);
    if (!body) {
      life.send(anyPeer(life), { type: 'wantBlock', hash: parent });
      return;
    }
    parent = body.parent;
  }
}

/** The ledger's own verdict on a block: contents, place and proposer. */
export function judgeRightly(life: Life, block: ToyBlock, parent: AgreedPoint): boolean {
  const leader = life.epoch.leaderOf(block.view);
  return (
    block.isRight &&
    block.height === parent.height + 1 &&
    block.view > parent.view &&
    block.height <= life.epoch.lastHeight &&
    life.epoch.validators[leader]?.publicKey === block.proposer
  );
}

function execute(life: Life, block: ToyBlock, feed: Feed): void {
  const delayMs = life.random.unit() * life.stage.plan.executeMaxMs;
  life.stage.world.after(life.endpoint, delayMs, () => {
    const parent = pointOf(life, block.parent);
    if (!parent || block.epoch !== life.epoch.number) return;
    giveVerdict(life, block, { isValid: judgeRightly(life, block, parent), feed });
  });
}

/** Records a verdict, tells the core, and goes on with the blocks that stand on this one. */
export function giveVerdict(
  life: Life,
  block: ToyBlock,
  { isValid, feed }: { readonly isValid: boolean; readonly feed: Feed },
): void {
  if (block.height <= life.final.height || life.verdicts.has(block.hash)) return;
  life.bodies.set(block.hash, block);
  life.verdicts.set(block.hash, isValid);
  feed(life, { type: 'block', block, valid: isValid });
  const waiting = life.orphans.get(block.hash) ?? [];
  life.orphans.delete(block.hash);
  if (isValid) for (const child of waiting) execute(life, child, feed);
}

function pointOf(life: Life, hash: Hex): AgreedPoint | undefined {
  if (hash === life.final.hash) return life.final;
  return life.verdicts.get(hash) ? life.bodies.get(hash) : undefined;
}

/** Forgets blocks at or below the final height, and lets those on the new end go on. */
export function pruneBodies(life: Life): void {
  for (const [hash, block] of life.bodies) {
    if (block.height > life.final.height && block.epoch === life.epoch.number) continue;
    life.bodies.delete(hash);
    life.verdicts.delete(hash);
    life.orphans.delete(block.parent);
  }
}

/** Executes everything again that stands above the final block, for a core that was just made. */
export function replayBodies(life: Life, blocks: readonly ToyBlock[], feed: Feed): void {
  life.bodies.clear();
  life.verdicts.clear();
  life.orphans.clear();
  for (const block of blocks.toSorted((a, b) => a.height - b.height)) takeBody(life, block, feed);
}
