import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '@aitbc/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBlockLog } from './block-log.ts';

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
    await log.append(bytes(20 + index, index), bytes(index, 255 - index));
    ends.push(log.end);
  }
  await log.close();
  return ends;
}

async function bodiesFrom(offset: number): Promise<number[]> {
  const log = await openBlockLog(path(), offset);
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
    await log.append(bytes(30, 9), bytes(3, 3));
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
    appendFileSync(path(), bytes(limits.blockSizeBytes + 32_768, 7));
    const damaged = readFileSync(path());
    damaged[(ends[0] as number) + 30] = 0xee;
    writeFileSync(path(), damaged);
    await expect(openBlockLog(path())).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('refuses a log that ends before what was known of it', async () => {
    const ends = await write(3);
    truncateSync(path(), 40);
    await expect(openBlockLog(path(), ends[2])).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
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
