/**
 * Targets of a whole network: one for each row of each endpoint table, each RPC method, each plain route and each socket.
 * After a case all processes are the same and, now and then, an honest request of each daemon is answered; no log has a line
 * of an error. What is answered is a status that is declared: a code of the error table with its status, never INTERNAL.
 */
import { demand } from '../check.mjs';
import { demandDeclared } from './answers.mjs';
import { createMcpRequests } from './mcp.mjs';
import { openPatient } from './patience.mjs';
import { createRequests, createRpcRequests, plainRequest, wholeCase } from './requests.mjs';
import { socketTargets } from './sockets.mjs';
import { httpTables, plainRoutes, rpcTable } from './surfaces.mjs';
import { startSystem } from './system.mjs';
import { send } from './talk.mjs';

const caseMs = 25_000;
const honestEvery = 48;
const honestMs = 5_000;

/** All of them; the network is started by the first that runs. `undo` gets the steps that stop it. */
export function endpointTargets(corpus, { undo }) {
  const live = createLive(undo);
  const rows = Object.entries(httpTables).flatMap(([daemon, table]) =>
    Object.entries(table).map(([name, row]) => ({
      ...{ name: `${daemon} ${name}`, daemon },
      mutate: createRequests({ daemon, name, row, real: live.real }),
    })),
  );
  const methods = Object.entries(rpcTable).map(([name, row]) => ({
    ...{ name: `node rpc ${name}`, daemon: 'node' },
    mutate: createRpcRequests({ name, row, real: live.real }),
  }));
  const mcp = { name: 'gateway mcp', daemon: 'gateway', mutate: createMcpRequests() };
  const http = [...rows, ...methods, mcp, ...plainTargets()].map((target) => ({
    ...target,
    check: (bytes) => checkAnswer(live, target.daemon, bytes),
  }));
  const sockets = socketTargets(corpus, live);
  const targets = [...http, ...sockets].map((target) => ({
    ...{ name: target.name, mutate: target.mutate, isLive: true, caseMs },
    async start() {
      await live.start();
      await target.start?.();
    },
    async check(bytes) {
      const isAccepted = await target.check(bytes);
      await live.demandAlive();
      return isAccepted;
    },
  }));
  return { targets, ...live.around };
}

function plainTargets() {
  const { every, ...own } = plainRoutes;
  return Object.entries(own).flatMap(([daemon, paths]) =>
    [...paths, ...every].map((path) => ({
      ...{ name: `${daemon} ${path}`, daemon, mutate: plainRequest(path) },
    })),
  );
}

function createLive(undo) {
  let system;
  let cases = 0;
  const port = (daemon) => Number(new URL(system.devnet.daemon(daemon).url).port);
  const demandSilence = () => {
    const complaints = system.watch.complaints();
    demand(complaints.length === 0, `a log complains: ${complaints[0]}`);
  };
  return {
    real: () => system?.real,
    url: (daemon) => system.devnet.daemon(daemon).url,
    where: (daemon) => ({ port: port(daemon), token: system.tokens[daemon] }),
    demandSilence,
    around: {
      demandSilence,
      heaps: () => system.watch.heaps(),
      openPatient: () => openPatient(system.urls, system.meshPort),
    },
    async start() {
      system ??= await startSystem(undo);
    },
    async demandAlive() {
      demand(system.watch.ended() === undefined, system.watch.ended());
      cases += 1;
      if (cases % honestEvery !== 0) return;
      demandSilence();
      for (const name of system.devnet.names) await demandHonest({ port: port(name) });
    },
  };
}

async function demandHonest(where) {
  const begunMs = performance.now();
  const { status } = await send(
    where,
    wholeCase({ method: 'GET', path: '/health/live', body: '' }),
  );
  demand(status === 200, `an honest request is answered ${status}`);
  demand(performance.now() - begunMs < honestMs, 'an honest request waits too long');
}

async function checkAnswer(live, daemon, bytes) {
  const { status, head, text } = await send(live.where(daemon), bytes);
  const hasNoBody = Buffer.from(bytes.subarray(1, 6)).toString('latin1') === 'HEAD ';
  demand(!hasNoBody || status !== 500, 'a HEAD fails');
  if (hasNoBody) return status < 400;
  demandDeclared({ status, head, text });
  return status >= 200 && status < 400 && !/"error":\{/.test(text.slice(0, 300));
}
