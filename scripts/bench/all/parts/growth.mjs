/** Growth with load: no lines of the scoreboard, only plots. */

/** Validators, as scoreboard-curves.mjs draws them. */
export const validators = {
  name: 'validators',
  about: 'full load on 1, 4, 7 and 16 validators that share the cores of this machine',
  seconds: { full: 100, quick: 60 },
  runs: (isQuick) => [
    {
      key: 'validators',
      script: 'scoreboard-curves.mjs',
      args: [
        ...['--validators', isQuick ? '1,4' : '1,4,7,16'],
        ...['--seconds', isQuick ? '3' : '5', '--rounds', '1'],
      ],
      file: 'validators.json', // it writes a folder
    },
  ],
  lines: () => [],
  growth: ({ validators: result }) => result && { name: 'validators', plot: result.plot },
};

/** Size of the state, as state-size.mjs draws it. */
export const stateSize = {
  name: 'state-size',
  about: 'full load on one validator with so many accounts, receivers drawn from all of them',
  seconds: { full: 70, quick: 40 },
  runs: (isQuick) => [
    {
      key: 'stateSize',
      script: 'state-size.mjs',
      args: [
        ...['--sizes', isQuick ? '1000,10000' : '1000,10000,100000'],
        ...['--seconds', isQuick ? '3' : '5', '--rounds', '1'],
      ],
      file: 'state-size.json',
    },
  ],
  lines: () => [],
  growth: ({ stateSize: result }) => result && { name: 'state-size', plot: result.plot },
};

/** Channels. */
export const channels = {
  name: 'channels',
  about:
    'a provider’s books with so many channels, in its real database, and a node on whose chain they are open: admission, claims of 100 rows, memory',
  seconds: { full: 70, quick: 30 },
  runs: (isQuick) => [
    {
      key: 'channels',
      script: 'growth/channels.mjs',
      args: [
        ...['--sizes', isQuick ? '100,1000' : '100,1000,10000,100000'],
        ...['--calls', isQuick ? '500' : '2000'],
      ],
    },
  ],
  lines: () => [],
  growth({ channels: result }) {
    if (!result) return undefined;
    const title = 'Payment channels at one provider and on chain';
    return { name: 'channels', plot: { title, x: { label: 'channels' }, panels: result.panels } };
  },
};

/** Queue. */
export const queue = {
  name: 'queue',
  about:
    'one job at a time enqueued, dispatched and completed, each step durable, while so many wait; ours on SQLite and BullMQ with fsync',
  seconds: { full: 45, quick: 20 },
  runs: (isQuick) => [
    {
      key: 'queue',
      script: 'growth/queue.mjs',
      args: [
        ...['--sizes', isQuick ? '100,1000' : '100,1000,10000,100000'],
        ...['--jobs', isQuick ? '100' : '300'],
      ],
    },
  ],
  lines: () => [],
  growth({ queue: result }) {
    if (!result) return undefined;
    const title = `One durable job while others wait; BullMQ ${result.bullmq} beside ours`;
    return { name: 'queue', plot: { title, x: { label: 'jobs queued' }, panels: result.panels } };
  },
};
