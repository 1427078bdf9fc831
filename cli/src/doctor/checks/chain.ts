/** The chain node: there, the right chain, alive, not behind, not stopped. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { networkFromGenesis } from '@aitbc/protocol';
import { readGenesisFile } from '../../chain/genesis-file.ts';
import { needsNewerProgram, rulesText } from '../../node/rules-text.ts';
import { durationText, shortHash } from '../../wording.ts';
import { type Check, fail, ok, roles, skipped, warn } from '../check.ts';
import { reachable } from '../reachable.ts';

const needsNode = 'needs the chain node, which does not answer';
const behindWarn = 5;
const quietBeats = 20; // heartbeats without a block: agreement has stopped, or this node is cut off

const nodeUp: Check = {
  id: 'node-up',
  title: 'chain node',
  roles,
  run: (look) =>
    reachable(look, {
      ...{ name: 'the chain node', url: look.context.urls.node, reading: look.chain() },
      start:
        'Start a devnet: aitbc up. Or run a node: aitbc node run <folder>. Or name another one: --node-url, AITBC_NODE_URL',
    }),
};

const nodeGenesis: Check = {
  id: 'node-genesis',
  title: 'which chain it is',
  roles,
  async run(look) {
    const { value: chain } = await look.chain();
    if (!chain) return skipped(needsNode);
    const file =
      look.context.devnet?.genesisFile ?? join(look.context.home, 'chain', 'genesis.json');
    if (!existsSync(file)) return ok(`${chain.network}, ${shortHash(chain.genesisHash)}`);
    const { genesisHash } = networkFromGenesis(readGenesisFile(file));
    if (genesisHash === chain.genesisHash) {
      return ok(`${chain.network}, as the genesis document in the home folder says`);
    }
    const text = `the node runs chain ${shortHash(chain.genesisHash)}, your genesis document is of ${shortHash(genesisHash)}`;
    const fix = `Ask a node of your chain (--node-url), or take the document of this one in place of ${file}`;
    return fail(text, fix, { node: chain.genesisHash, file: genesisHash });
  },
};

const nodeAlive: Check = {
  id: 'node-alive',
  title: 'new blocks',
  roles,
  async run(look) {
    const { value: chain } = await look.chain();
    if (!chain) return skipped(needsNode);
    const { headAgeMs, height } = chain;
    const facts = { height, headAgeMs };
    const text = `block ${height} is ${durationText(headAgeMs)} old`;
    if (headAgeMs <= chain.params.heartbeatMs * quietBeats) return ok(text, facts);
    const fix =
      'The validators do not agree, or this node hears nothing of them: aitbc chain peers, aitbc chain validators';
    return fail(text, fix, facts);
  },
};

const nodeSynced: Check = {
  id: 'node-synced',
  title: 'height beside others',
  roles,
  async run(look) {
    const { value: state } = await look.agreement();
    if (!state) return skipped(needsNode);
    const behind = Math.max(0, state.peerHeight - state.height);
    const facts = { height: state.height, peerHeight: state.peerHeight };
    if (!state.syncing && behind < behindWarn) return ok('up to date', facts);
    const fix =
      'It catches up by itself; ask again in a while, or ask another node with --node-url';
    return warn(`the node is ${behind} blocks behind`, fix, facts);
  },
};

const nodeVoting: Check = {
  id: 'node-voting',
  title: 'its part in the agreement',
  roles: ['operator'],
  async run(look) {
    const { value: state } = await look.agreement();
    if (!state) return skipped(needsNode);
    if (state.halted) {
      const fix =
        'Install the version of the program that this chain has moved to, then start the node again.';
      return fail('the node has stopped: this program cannot go on with this chain', fix);
    }
    if (state.role !== 'validator') return ok('it follows and does not vote');
    if (state.mayVote) return ok('it votes');
    const fix =
      'It votes again by itself when its old votes are past; that takes an epoch at most.';
    return warn('a validator that is silent, because it may have voted before', fix);
  },
};

const nodeRules: Check = {
  id: 'node-rules',
  title: 'rules of the chain',
  roles: ['operator'],
  async run(look) {
    const { value: state } = await look.agreement();
    if (!state) return skipped(needsNode);
    const text = rulesText(state);
    if (!needsNewerProgram(state)) return ok(text, { ...state.rules.upgrade });
    const fix =
      'Install the newer program before that height and start the node again; without it the node stops there, with its data whole';
    return warn(text, fix, { ...state.rules.upgrade });
  },
};

/** Checks of the chain node. */
export const chainChecks: readonly Check[] = [
  nodeUp,
  nodeGenesis,
  nodeAlive,
  nodeSynced,
  nodeVoting,
  nodeRules,
];
