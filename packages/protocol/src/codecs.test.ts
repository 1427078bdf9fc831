import { createReader, createWriter, hex, keyPairFromSeed } from '@aitbc/primitives';
import { describe, expect, it } from 'vitest';
import {
  type BlockHeader,
  blockHashOf,
  type Certificate,
  decodeCertificate,
  decodeHeader,
  encodeCertificate,
  encodeHeader,
  quorumOf,
  signVote,
  type Validator,
  verifyCertificate,
  voteKinds,
  zeroHash,
} from './blocks.ts';
import * as field from './fields.ts';
import { addressOf, recordFromJson } from './fields.ts';
import { type Genesis, networkFromGenesis, networkFromHash, tags } from './network.ts';
import { devnetParams } from './params.ts';
import { signTx, type UnsignedTx } from './transactions.ts';
import { verifyTx } from './tx-signatures.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const owner = keyPairFromSeed(new Uint8Array(32).fill(1));
const ownerId = hex(owner.publicKey);

describe('fields', () => {
  it('refuse unknown and missing names', () => {
    const fields = { a: field.u8 };
    expect(() => recordFromJson(fields, { a: 1, b: 2 })).toThrow(/b is not known/);
    expect(() => recordFromJson(fields, {})).toThrow(/a: expected/);
    expect(() => recordFromJson(fields, [])).toThrow(/object/);
  });

  it('refuse text that is not UTF-8 and texts above their limit', () => {
    const reader = createReader(
      createWriter()
        .variable(new Uint8Array([0xff]))
        .finish(),
    );
    expect(() => field.text(4).read(reader)).toThrow(/UTF-8/);
    expect(() => field.text(4).fromJson('12345')).toThrow(/above/);
    expect(() => field.text(4).fromJson('\ud800')).toThrow(/text/);
    expect(() => field.account.fromJson(addressOf(ownerId).replace('ait1', 'ait2'))).toThrow(
      /address/,
    );
  });
});

describe('headers, votes and certificates', () => {
  const header: BlockHeader = {
    version: 1,
    chain: network.chain,
    height: 7,
    epoch: 0,
    view: 9,
    parent: '11'.repeat(32),
    timeMs: 1_700_000_000_000,
    proposer: ownerId,
    txRoot: '22'.repeat(32),
    stateRoot: '33'.repeat(32),
    receiptRoot: '44'.repeat(32),
    validatorsHash: '55'.repeat(32),
    nextValidatorsHash: '55'.repeat(32),
    evidenceRoot: zeroHash,
  };
  const keys = [1, 2, 3, 4].map((fill) => keyPairFromSeed(new Uint8Array(32).fill(fill)));
  const validators: Validator[] = keys.map((pair) => ({
    publicKey: hex(pair.publicKey),
    stake: 10n,
  }));
  const blockHash = blockHashOf(network, header);
  const votes = keys.map((pair, validator) =>
    signVote(
      network,
      { kind: 'finalize', epoch: 3, view: 9, blockHash, validator },
      pair.secretKey,
    ),
  );
  const certificateOf = (voters: number[]): Certificate => ({
    kind: voteKinds.finalize,
    epoch: 3,
    view: 9,
    blockHash,
    votes: voters.map((voter) => ({ validator: voter, signature: votes[voter]!.signature })),
  });

  it('come back from their bytes', () => {
    expect(decodeHeader(encodeHeader(header))).toEqual({ ok: true, value: header });
    const certificate = certificateOf([0, 1, 2]);
    expect(decodeCertificate(encodeCertificate(certificate))).toEqual({
      ok: true,
      value: certificate,
    });
    expect(decodeHeader(encodeHeader(header).subarray(1)).ok).toBe(false);
    expect(decodeCertificate(new Uint8Array(3)).ok).toBe(false);
  });

  it('need more than two thirds of the stake, each voter once and in order, each signature right', () => {
    const check = (certificate: ReturnType<typeof certificateOf>) => {
      const verdict = verifyCertificate(network, validators, certificate);
      return verdict.ok ? 'ok' : verdict.code;
    };
    expect(quorumOf(validators)).toBe(27n);
    expect(check(certificateOf([0, 1, 2]))).toBe('ok');
    expect(check(certificateOf([1, 2, 3]))).toBe('ok');
    for (const voters of [[0, 1], [0, 0, 1], [2, 1, 0], []]) {
      expect(check(certificateOf(voters)), voters.join()).toBe('CERTIFICATE_INVALID');
    }
    const forged = certificateOf([0, 1, 2]);
    forged.votes[1]!.signature = votes[0]!.signature;
    expect(check(forged)).toBe('CERTIFICATE_INVALID');
    expect(check({ ...certificateOf([0, 1, 2]), view: 10 })).toBe('CERTIFICATE_INVALID');
    expect(check({ ...certificateOf([0, 1, 2]), epoch: 4 })).toBe('CERTIFICATE_INVALID');
    expect(check({ ...certificateOf([0, 1, 2]), kind: 77 })).toBe('CERTIFICATE_INVALID');
  });
});

describe('a network', () => {
  const genesis: Genesis = {
    network: 'ait-devnet',
    timeMs: 1,
    accounts: [],
    validators: [],
    params: devnetParams,
  };

  it('has an identity that every part of its genesis changes', () => {
    const identity = networkFromGenesis(genesis).genesisHash;
    expect(networkFromGenesis({ ...genesis, timeMs: 2 }).genesisHash).not.toBe(identity);
    expect(networkFromGenesis(genesis).caip2).toBe(`aitbc:${identity.slice(0, 32)}`);
  });

  it('signs each kind of message under its own tag, none a prefix of another', () => {
    const all = Object.values(tags);
    for (const tag of all) {
      expect(tag.endsWith('\0')).toBe(true);
      expect(
        all.filter((other) => other.startsWith(tag)),
        tag,
      ).toEqual([tag]);
    }
  });

  it('does not accept what was signed for another', () => {
    const tx: UnsignedTx = {
      kind: 'provider_unbond',
      chain: network.chain,
      nonce: 0,
      validUntil: 0,
      from: ownerId,
      fee: 1n,
      body: {},
    };
    const twin = networkFromHash('twin', `${network.genesisHash.slice(0, 8)}${'00'.repeat(28)}`);
    expect(twin.chain).toBe(network.chain);
    expect(verifyTx(twin, signTx(network, tx, owner.secretKey))).toBe(false);
  });
});
