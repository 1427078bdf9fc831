/** The equivocating validator of a town: a process that lies until somebody accuses it and it is out. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../chain/rpc.ts';
import { builtFile } from '../town/built.ts';
import type { Layout } from '../town/layout.ts';
import { validatorNumberAt } from './liar.ts';
import type { LiarOrders } from './liar-main.ts';

/** The running liar. */
export interface Equivocator {
  readonly publicKey: string;
  stop(): void;
}

/** Starts the liars of a plan, each in the place of its node. The chain must be up. */
export async function startEquivocators(layout: Layout): Promise<Equivocator[]> {
  const { facts } = layout;
  const liars = facts.nodes.flatMap(({ role }, at) => (role === 'equivocator' ? [at] : []));
  return Promise.all(liars.map((at) => startOne(layout, at)));
}

async function startOne(layout: Layout, at: number): Promise<Equivocator> {
  const { facts, lines, chain, names, logs } = layout;
  const { nodes, network } = facts;
  const publicKey = nodes[at]?.keys.accountId ?? '';
  const peers = nodes.flatMap(({ role }, to) =>
    role === 'honest' ? [lines.addressOf(at, to)] : [],
  );
  const url = nodes.find(({ role }) => role === 'honest')?.url ?? '';
  const validatorNumber = await until('the liar knows its number', async () => {
    const number = await validatorNumberAt(url, publicKey);
    return number >= 0 ? { number } : undefined;
  });
  const orders: LiarOrders = {
    ...{ network, peers, validatorNumber: validatorNumber.number },
    keyFile: chain.keyFileOf(names.nodes[at] as 'node'),
  };
  const file = join(logs, `liar-${at + 1}.json`);
  writeFileSync(file, JSON.stringify(orders), { mode: 0o600 });
  const wrapper = lines.places[at]?.wrapper ?? [];
  const words = [...wrapper, process.execPath, builtFile('faults/liar-main.js'), file];
  const [program = '', ...args] = words;
  const child: ChildProcess = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  child.on('error', () => {}); // a liar that cannot be started is found by the row about it
  return { publicKey, stop: () => void child.kill('SIGKILL') };
}
