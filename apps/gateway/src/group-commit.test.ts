import { describe, expect, it } from 'vitest';
import { createGroupCommit } from './group-commit.ts';

function start() {
  const written: string[][] = [];
  const disk = { isFull: false };
  const group = createGroupCommit<string>((changes) => {
    if (disk.isFull) throw new Error('the disk is full');
    written.push([...changes]);
  });
  return { written, disk, group };
}

describe('a group commit', () => {
  it('writes what comes in one turn together, in order, and tells everybody', async () => {
    const { written, group } = start();
    await Promise.all([group.add('a'), group.add('b', 'soon'), group.add('c')]);
    expect(written).toEqual([['a', 'b', 'c']]);
    await group.add('d');
    expect(written).toEqual([['a', 'b', 'c'], ['d']]);
  });

  it('writes what nobody waits for with the next change, else soon', async () => {
    const { written, group } = start();
    const first = group.add('a', 'soon');
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toEqual([]);
    expect(group.waiting()).toEqual(['a']);
    await group.add('b');
    await first;
    expect(written).toEqual([['a', 'b']]);
    await group.add('c', 'soon');
    expect(written).toEqual([['a', 'b'], ['c']]);
  });

  it('writes at once for a reader, and nothing twice', async () => {
    const { written, group } = start();
    const added = group.add('a');
    group.flush();
    expect(written).toEqual([['a']]);
    group.flush();
    await added;
    expect(written).toEqual([['a']]);
  });

  it('rejects all of a group that cannot be written, and goes on with the next', async () => {
    const { written, disk, group } = start();
    disk.isFull = true;
    const both = [group.add('a'), group.add('b', 'soon')];
    expect(await Promise.allSettled(both)).toMatchObject([
      { status: 'rejected', reason: { message: 'the disk is full' } },
      { status: 'rejected', reason: { message: 'the disk is full' } },
    ]);
    disk.isFull = false;
    expect(() => group.flush()).toThrow('the disk is full'); // who relies on an earlier change hears of it
    await group.add('c');
    expect(written).toEqual([['c']]);
  });

  it('throws to who flushes what cannot be written', async () => {
    const { disk, group } = start();
    disk.isFull = true;
    const added = group.add('a');
    expect(() => group.flush()).toThrow('the disk is full');
    await expect(added).rejects.toThrow('the disk is full');
    expect(() => group.flush()).not.toThrow();
  });
});
