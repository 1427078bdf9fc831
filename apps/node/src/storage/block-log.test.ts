import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '@aitbc/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LogRecord, openBlockLog } from './block-log.ts';

let folder: string;
const path = () => join(folder, 'blocks.log');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aitbc-blocks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bytes = (size: number, fill: number) => new Uint8Array(size).fill(fill);

async function write(count: number): Promise<number[]> {
  const log = await openBlockLog(path());
  const ends: number[] = [];
  for (let index = 1; index <= count; index += 1) {
    await log.append([{ body: bytes(20 + index, index), certificate: bytes(index, 255 - index) }]);
    ends.push(log.end);
  }
  await log.close();
  return ends;
}

async function bodiesFrom(offset: number): Promise<number[]> {
  const log = await openBlockLog(path(), { fromOffset: offset });
  const found = [...log.records(offset)].map(({ body }) => body[0] as number);
  await log.close();
  return found;
}

describe('the block log', () => {
  it('gives back what was appended, from any record on', async () => {
    const ends = await write(3);
    expect(await bodiesFrom(0)).toEqual([1, 2, 3]);
    expect(await bodiesFrom(ends[0] as number)).toEqual([2, 3]);
    const log = await openBlockLog(path());
    const [first] = [...log.records(0)];
    expect(log.read(first!.place)).toEqual(first);
    expect(first?.certificate).toEqual(bytes(1, 254));
    await log.close();
  });

  it('cuts a tail torn at any byte and goes on behind the last whole record', async () => {
    const ends = await write(3);
    const whole = readFileSync(path());
    for (let cut = ends[1] as number; cut < whole.length; cut += 1) {
      writeFileSync(path(), whole.subarray(0, cut));
      expect(await bodiesFrom(0)).toEqual([1, 2]);
    }
    const log = await openBlockLog(path());
    await log.append([{ body: bytes(30, 9), certificate: bytes(3, 3) }]);
    await log.close();
    expect(await bodiesFrom(0)).toEqual([1, 2, 9]);
  });

  it('cuts a last record with any byte flipped', async () => {
    const ends = await write(3);
    const whole = readFileSync(path());
    for (let at = ends[1] as number; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 0x81;
      writeFileSync(path(), damaged);
      expect(await bodiesFrom(0)).toEqual([1, 2]);
    }
  });

  it('refuses a damaged record with more behind it than one crash can leave', async () => {
    const ends = await write(3);
    appendFileSync(path(), bytes(4 * limits.blockSizeBytes + 131_072, 7));
    const damaged = readFileSync(path());
    damaged[(ends[0] as number) + 30] = 0xee;
    writeFileSync(path(), damaged);
    await expect(openBlockLog(path())).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('refuses a log that ends before what was known of it', async () => {
    const ends = await write(3);
    truncateSync(path(), 40);
    const opened = openBlockLog(path(), { fromOffset: ends[2] as number });
    await expect(opened).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('appends several records at once, each at its own place', async () => {
    const log = await openBlockLog(path());
    const entries = [1, 2, 3].map((n) => ({ body: bytes(50 * n, n), certificate: bytes(n, n) }));
    const places = await log.append(entries);
    expect(places.map((place) => log.read(place).body[0])).toEqual([1, 2, 3]);
    expect([...log.records(0)].map(({ place }) => place)).toEqual(places);
    expect(places[2]).toEqual({ offset: 62 + 1 + 112 + 2, sizeBytes: 12 + 150 + 3 });
    await log.close();
  });

  it('writes more than one append may have in several', async () => {
    const log = await openBlockLog(path());
    const body = bytes(limits.blockSizeBytes, 5);
    const places = await log.append(
      Array.from({ length: 6 }, () => ({ body, certificate: body.subarray(0, 9) })),
    );
    await log.close();
    expect(await bodiesFrom(places[3]?.offset as number)).toEqual([5, 5, 5]);
  });

  it('cuts whole records whose proof did not get to the disk', async () => {
    const log = await openBlockLog(path());
    await log.append([1, 2, 3].map((n) => ({ body: bytes(30, n), certificate: bytes(1, n % 2) })));
    await log.append([{ body: bytes(30, 4), certificate: bytes(1, 0) }]);
    await log.close();
    const provesItself = ({ certificate }: LogRecord) => certificate[0] === 1;
    const cut = await openBlockLog(path(), { provesItself });
    expect([...cut.records(0)].map(({ body }) => body[0])).toEqual([1, 2, 3]);
    expect(statSync(path()).size).toBe(cut.end);
    await cut.close();
  });

  it('refuses to read where no record is', async () => {
    await write(2);
    const log = await openBlockLog(path());
    expect(() => log.read({ offset: 5, sizeBytes: 40 })).toThrow(
      expect.objectContaining({ code: 'STORE_CORRUPT' }),
    );
    await log.close();
  });
});
