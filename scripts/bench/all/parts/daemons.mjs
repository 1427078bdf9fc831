/** Lines of the whole thing: from `npm start` to a paid token, and what the daemons hold at rest. */
import { spreadOf } from '../../lib/statistics.mjs';

/** The start. */
export const start = {
  name: 'start',
  about:
    '`npm start` with a new home folder: four validators, two providers, wallet, coordinator and gateway up, accounts funded, a job bought; fresh is a clone without packages and compiled code, packages from npm’s cache where it has them',
  seconds: { full: 110, quick: 30 },
  runs: (isQuick) => [
    {
      key: 'start',
      script: 'daemons/start.mjs',
      args: isQuick ? ['--rounds', '1'] : ['--rounds', '1', '--fresh'],
    },
  ],
  lines({ start: result }, { nodeMs }) {
    const line = { unit: 's', peers: [] };
    return [
      {
        what: '`npm start` on a fresh clone to the first paid token',
        ...{ ...line, must: 180, moonshot: 60, ours: spreadOf(result?.fresh ?? []) },
        note: result?.fresh.length === 0 ? 'only in the long run' : undefined,
      },
      {
        what: '`npm start` when installed to the first paid token',
        ...{ ...line, must: 15, moonshot: 5, ours: spreadOf(result?.installed ?? []) },
        limit: { what: 'start of one bare Node, ms', figure: nodeMs },
      },
    ];
  },
};

/** Memory. */
export const memory = {
  name: 'memory',
  about:
    'node, wallet, coordinator, provider and gateway of a devnet that nobody has asked for anything',
  seconds: { full: 45, quick: 20 },
  runs: (isQuick) => [
    { key: 'memory', script: 'daemons/memory.mjs', args: ['--rest', isQuick ? '3' : '30'] },
  ],
  lines({ memory: result }, { nodeMb }) {
    const all = spreadOf((result?.ours ?? []).map(({ mb }) => mb));
    const each = (result?.ours ?? []).map(({ name, mb }) => `${name} ${mb.toFixed(0)}`);
    return [
      {
        what: 'Memory of a daemon at rest, the largest of five (least … most)',
        ...{ unit: 'MB', must: 150, moonshot: 90 },
        ours: all && { ...all, median: all.max },
        peers: (result?.others ?? []).map(({ name, version, mb }) => ({
          ...{ name, version },
          figure: spreadOf([mb]),
        })),
        limit: { what: 'a bare Node that serves HTTP', figure: nodeMb },
        note: each.join(', '),
      },
    ];
  },
};
