/** What is measured of a running ledger, the same for every one: full load, paced load, and their costs. */

import { runLoad } from './load.mjs';
import { meterOf, residentMb, signatureCheckUs } from './machine.mjs';

/** Full load; costs are per transfer (per operation for batches). */
export async function fullPass({ lanes, news, pids, plan }) {
  const meter = meterOf(pids);
  const run = await runLoad({ lanes, news, ...plan });
  return { ...run, ...costsOf(meter.stop(), run.transactions * (plan.operations ?? 1)) };
}

/** Load at a fixed rate. */
export async function pacedPass({ lanes, news, pids, plan }) {
  const meter = meterOf(pids);
  const run = await runLoad({ lanes, news, ...plan });
  return { ...run, ...costsOf(meter.stop(), run.transactions) };
}

function costsOf({ used, serverUs, clientUs, otherCores }, count) {
  const each = used.map(({ allUs }) => allUs / count);
  return {
    cpuUs: each,
    cpuUsPerProcess: serverUs / used.length / count,
    mainThreadUs: used.reduce((sum, { mainUs }) => sum + mainUs, 0) / used.length / count,
    otherThreadsUsMin: Math.min(...used.map(({ allUs, mainUs }) => (allUs - mainUs) / count)),
    clientUs: clientUs / count,
    otherCores,
    checkUs: signatureCheckUs(),
  };
}

/** Mean and largest resident memory of processes, MB. */
export function memoryOf(pids) {
  const all = pids.map(residentMb);
  return { meanMb: all.reduce((sum, mb) => sum + mb, 0) / all.length, mostMb: Math.max(...all) };
}
