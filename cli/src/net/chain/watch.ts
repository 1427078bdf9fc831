/** Writes down what nodes call final, while things happen to them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Head, headOf } from './rpc.ts';

const watchMs = 40;

/** Nodes that can be asked now, by their number from 0 on. */
export interface Watched {
  awake(): number[];
  url(at: number): string;
}

/** What was seen so far. */
export interface Watch {
  /** Hash by height, from all nodes. */
  readonly seen: ReadonlyMap<number, string>;
  /** Two hashes at one height. */
  readonly conflicts: readonly string[];
  /** Height of the highest block seen. */
  top(): number;
  stop(): Promise<void>;
}

/** Looks at the heads of all awake nodes, again and again. */
export function startWatch(nodes: Watched, everyMs = watchMs): Watch {
  const seen = new Map<number, string>();
  const conflicts: string[] = [];
  let top = 0;
  let isStopped = false;
  const look = async (at: number): Promise<void> => {
    const head = await headIfAny(nodes, at);
    if (!head) return;
    const known = seen.get(head.height) ?? head.blockHash;
    seen.set(head.height, known);
    top = Math.max(top, head.height);
    if (known !== head.blockHash) conflicts.push(`${head.height}: ${known} ${head.blockHash}`);
  };
  const running = (async () => {
    while (!isStopped) {
      await Promise.all(nodes.awake().map(look));
      await sleep(everyMs);
    }
  })();
  return {
    seen,
    conflicts,
    top: () => top,
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

/** A node may be killed, or be closing its doors, while it is asked. */
async function headIfAny(nodes: Watched, at: number): Promise<Head | undefined> {
  try {
    return await headOf(nodes.url(at));
  } catch {
    return undefined;
  }
}
