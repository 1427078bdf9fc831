/** One round of the scoreboard on a peer: the load of the scoreboard, on a ledger made for the round. */
import { join } from 'node:path';
import { runIdle, runLoad } from '../lib/load.mjs';
import { fullPass, memoryOf, pacedPass } from '../lib/passes.mjs';
import { after, withCleanup } from '../lib/processes.mjs';
import { assertMined, openEtherLanes, startPeer } from './ethereum.mjs';

const settleMs = 1_000;

/** The figures of one round. */
export async function roundOfPeer({ name, signed, folder, plan }) {
  const loaded = await withCleanup(async (undo) => {
    const peer = await startPeer({
      name,
      folder: join(folder, 'interval'),
      isInstant: false,
      undo,
    });
    const pids = [peer.pid];
    await after(settleMs);
    const rest = memoryOf(pids);
    const { refused, ...open } = await openEtherLanes(peer, {
      signed,
      connections: plan.connections,
      undo,
    });
    await runLoad({ ...open, ...plan.warmUp });
    const full = await fullPass({ ...open, pids, plan: plan.full });
    const paced = await pacedPass({ ...open, pids, plan: plan.paced });
    if (refused.length > 0) throw refused[0];
    await assertMined(
      peer,
      open.lanes.flatMap((lane) => lane.senders),
    );
    return { full, paced, rest, end: memoryOf(pids) };
  });
  return { ...loaded, idle: await idleOfPeer({ name, signed, folder, plan }) };
}

/** Mines each transaction at once: the fastest a peer can answer a lone one. */
function idleOfPeer({ name, signed, folder, plan }) {
  return withCleanup(async (undo) => {
    const peer = await startPeer({ name, folder: join(folder, 'instant'), isInstant: true, undo });
    const open = await openEtherLanes(peer, { signed: signed.slice(0, 1), connections: 1, undo });
    return runIdle({ ...open, count: plan.idleCount, pauseMs: plan.idlePauseMs });
  });
}
