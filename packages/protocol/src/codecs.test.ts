import { createReader, createWriter, hex, keyPairFromSeed } from '@aitbc/primitives';
import fc from 'fast-check';
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
import { limits } from './limits.ts';
import { type Genesis, networkFromGenesis, networkFromHash, tags } from './network.ts';
import { devnetParams } from './params.ts';
import {
  decodeTx,
  encodeUnsignedTx,
  signTx,
  type TxKind,
  txBodyFromJson,
  txKinds,
  txToJson,
  type UnsignedTx,
  verifyTx,
} from './transactions.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const owner = keyPairFromSeed(new Uint8Array(32).fill(1));
const ownerId = hex(owner.publicKey);

const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hex);
const amount = fc.bigInt(0n, 2n ** 64n - 1n);
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const signature = fc.uint8Array({ minLength: 64, maxLength: 64 }).map(hex);
const text = (bytes: number) =>
  fc
    .string({ maxLength: bytes / 4, unit: 'grapheme' })
    .filter((t) => Buffer.byteLength(t) <= bytes);
const allocation = fc.record({
  receiver: id,
  payerAuthorizer: id,
  receiverAuthorizer: id,
  withdrawDelayMs: count,
  salt: id,
  amount,
});

/** Random bodies for every kind. */
const bodies: Record<TxKind, fc.Arbitrary<unknown>> = {
  transfer: fc.record({
    to: id,
    amount,
    memo: fc.uint8Array({ maxLength: limits.memoBytes }).map(hex),
  }),
  vault_deposit: fc.record({ amount, allocations: fc.array(allocation, { maxLength: 16 }) }),
  vault_withdraw: fc.record({ amount }),
  channel_fund: allocation,
  channel_claim: fc.record({
    receiverAuthorizer: id,
    rows: fc.array(
      fc.record({
        channelId: id,
        maxClaimable: amount,
        context: id,
        voucherSignature: signature,
        totalClaimed: amount,
      }),
      { maxLength: 100 },
    ),
    authorizerSignature: signature,
  }),
  channel_refund: fc.record({
    channelId: id,
    amount,
    refundNonce: count,
    authorizerSignature: signature,
  }),
  withdraw_init: fc.record({ channelId: id, amount }),
  withdraw_finalize: fc.record({ channelId: id }),
  agent_register: fc.record({ name: text(32), endpoint: text(200), cardHash: id }),
  provider_register: fc.record({ authorizer: id, endpoint: text(200), bond: amount }),
  provider_unbond: fc.constant({}),
  bond_withdraw: fc.record({ provider: id }),
};

const anyTx = fc.constantFrom(...(Object.keys(txKinds) as TxKind[])).chain((kind) =>
  fc.record({
    kind: fc.constant(kind),
    chain: fc.constant(network.chain),
    nonce: count,
    validUntil: count,
    from: fc.constant(ownerId),
    fee: amount,
    body: bodies[kind],
  }),
) as fc.Arbitrary<UnsignedTx>;

describe('transactions', () => {
  it('of every kind come back from their bytes and from their JSON', () => {
    fc.assert(
      fc.property(anyTx, (tx) => {
        const signed = signTx(network, tx, owner.secretKey);
        const decoded = decodeTx(network, signed.bytes);
        if (!decoded.ok) throw new Error(decoded.code);
        expect({ ...decoded.value, bytes: hex(decoded.value.bytes) }).toEqual({
          ...signed,
          bytes: hex(signed.bytes),
        });
        expect(verifyTx(network, decoded.value)).toBe(true);
        expect(hex(encodeUnsignedTx(decoded.value))).toBe(hex(signed.bytes.subarray(0, -64)));
        const json = JSON.parse(JSON.stringify(txToJson(signed)));
        expect(txBodyFromJson(tx.kind, json.body)).toEqual({ ok: true, value: tx.body });
      }),
      { numRuns: 300 },
    );
  });

  it('with any changed, missing or added byte are refused or are not signed', () => {
    fc.assert(
      fc.property(anyTx, fc.nat(), fc.integer({ min: 1, max: 255 }), (tx, position, flip) => {
        const { bytes } = signTx(network, tx, owner.secretKey);
        const changed = Uint8Array.from(bytes);
        const at = position % bytes.length;
        changed[at] = (changed[at] ?? 0) ^ flip;
        for (const forged of [changed, bytes.subarray(0, at), Uint8Array.from([...bytes, 0])]) {
          const decoded = decodeTx(network, forged);
          expect(decoded.ok && verifyTx(network, decoded.value), `byte ${at}`).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never make the decoder throw, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(decodeTx(network, bytes).ok).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  it('are refused with the reason that fits', () => {
    const tx: UnsignedTx = {
      kind: 'transfer',
      chain: network.chain,
      nonce: 0,
      validUntil: 0,
      from: ownerId,
      fee: 1n,
      body: { to: ownerId, amount: 1n, memo: '' },
    };
    const codeOf = (bytes: Uint8Array) => {
      const verdict = decodeTx(network, bytes);
      return verdict.ok ? 'ok' : verdict.code;
    };
    const { bytes } = signTx(network, tx, owner.secretKey);
    const withByte = (at: number, value: number) => {
      const copy = Uint8Array.from(bytes);
      copy[at] = value;
      return copy;
    };
    expect(codeOf(bytes)).toBe('ok');
    expect(codeOf(withByte(0, 9))).toBe('TX_VERSION_UNKNOWN');
    expect(codeOf(withByte(1, 99))).toBe('TX_KIND_UNKNOWN');
    expect(codeOf(withByte(2, 1))).toBe('TX_FLAGS_UNSUPPORTED');
    expect(codeOf(withByte(9, 1))).toBe('TX_FLAGS_UNSUPPORTED');
    expect(codeOf(new Uint8Array(limits.txSizeBytes + 1))).toBe('TX_TOO_LARGE');
    expect(codeOf(bytes.subarray(0, 50))).toBe('TX_MALFORMED');
    expect(codeOf(withByte(10, 0xff))).toBe('TX_MALFORMED');
    const other = networkFromHash('other', 'cd'.repeat(32));
    expect(codeOf(signTx(other, { ...tx, chain: other.chain }, owner.secretKey).bytes)).toBe(
      'TX_WRONG_CHAIN',
    );
  });

  it('cannot be made with a negative, fractional or too large amount', () => {
    for (const amountNait of [-1n, 2n ** 64n, 1.5 as unknown as bigint]) {
      const body = { to: ownerId, amount: amountNait, memo: '' };
      const tx = {
        kind: 'transfer',
        chain: 1,
        nonce: 0,
        validUntil: 0,
        from: ownerId,
        fee: 1n,
        body,
      } as UnsignedTx;
      expect(() => encodeUnsignedTx(tx)).toThrow(RangeError);
    }
    for (const amountText of ['-1', '1.5', '1e3', 7, '18446744073709551616']) {
      const verdict = txBodyFromJson('vault_withdraw', { amount: amountText });
      expect(!verdict.ok && verdict.code).toBe('BAD_REQUEST');
    }
  });
});

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
    signVote(network, { kind: 'finalize', view: 9, blockHash, validator }, pair.secretKey),
  );
  const certificateOf = (voters: number[]): Certificate => ({
    kind: voteKinds.finalize,
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
