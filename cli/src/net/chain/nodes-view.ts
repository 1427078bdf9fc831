/** What watchers and senders need to know of a network of nodes; nodes go by their number from 0 on. */
import type { Genesis, Network } from '@aitbc/protocol';

/** The nodes as they can be asked now. */
export interface NodesView {
  readonly network: Network;
  readonly genesis: Genesis;
  /** Numbers of the nodes that run and are not stopped by SIGSTOP. */
  awake(): number[];
  url(at: number): string;
}
