/** What the nodes of the small level say to each other: the messages of the mesh without bytes. */
import type { AgreedBlock } from '@aitbc/consensus';
import type { Certificate, Hex, Vote } from '@aitbc/protocol';

/** A block of the toy ledger. */
export interface ToyBlock extends AgreedBlock {
  readonly epoch: number;
  /** What execution says about its contents. */
  readonly isRight: boolean;
}

/** A final block with the certificate of itself or of a later block of the same answer. */
export interface ProvenBlock {
  readonly block: ToyBlock;
  readonly certificate: Certificate;
}

export type Message =
  | { readonly type: 'votes'; readonly epoch: number; readonly votes: readonly Vote[] }
  | {
      readonly type: 'certificates';
      readonly epoch: number;
      readonly certificates: readonly Certificate[];
    }
  | {
      readonly type: 'proposal';
      readonly epoch: number;
      readonly block: ToyBlock;
      readonly vote: Vote;
    }
  | { readonly type: 'wantBlock'; readonly hash: Hex }
  | { readonly type: 'block'; readonly block: ToyBlock }
  | {
      readonly type: 'wantCertificates';
      readonly epoch: number;
      readonly fromView: number;
      readonly toView: number;
    }
  | { readonly type: 'wantRange'; readonly from: number }
  | { readonly type: 'range'; readonly blocks: readonly ProvenBlock[] };

const codes: Readonly<Record<Message['type'], number>> = {
  votes: 1,
  certificates: 2,
  proposal: 3,
  wantBlock: 4,
  block: 5,
  wantCertificates: 6,
  wantRange: 7,
  range: 8,
};

/** A number that tells messages apart in the hash of a trace. */
export function tagOf(message: Message): number {
  const code = codes[message.type] << 20;
  if (message.type === 'votes') return code ^ (message.votes[0]?.view ?? 0);
  if (message.type === 'certificates') return code ^ (message.certificates[0]?.view ?? 0);
  if (message.type === 'proposal') return code ^ message.block.height;
  return code;
}

/** One line about a message for a trace. */
export function textOf(message: Message): string {
  if (message.type === 'votes') return message.votes.map(voteText).join(' ');
  if (message.type === 'certificates') return message.certificates.map(certificateText).join(' ');
  if (message.type === 'proposal') {
    return `proposal ${blockText(message.block)} by ${voteText(message.vote)}`;
  }
  if (message.type === 'block') return `block ${blockText(message.block)}`;
  if (message.type === 'range') return `range of ${message.blocks.length}`;
  return JSON.stringify(message);
}

export function voteText({ kind, epoch, view, blockHash, validator }: Vote): string {
  return `${kind}(${epoch}.${view} ${shortHash(blockHash)} by #${validator})`;
}

function certificateText({ kind, epoch, view, blockHash, votes }: Certificate): string {
  const name = ['?', 'notarization', 'nullification', 'finalization'][kind] ?? '?';
  const voters = votes.map(({ validator }) => validator).join(',');
  return `${name}(${epoch}.${view} ${shortHash(blockHash)} by #${voters})`;
}

export function blockText({ hash, parent, height, view }: AgreedBlock): string {
  return `${shortHash(hash)}@${height} view ${view} on ${shortHash(parent)}`;
}

function shortHash(hash: Hex): string {
  return /^0+$/.test(hash) ? '-' : hash.slice(0, 12);
}
