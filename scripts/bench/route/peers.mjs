/**
 * What one would write first for "which five offers": an array that is sorted by price, and an SQLite table with an index.
 * Both know the same providers, prices, contexts and gauges as our index and hear the same heartbeats, and both know
 * less: they order by price alone, where ours weighs price with load, measured speed and reputation and can say why.
 */
import { openSqlite } from '@aitbc/service';
import { bothOf, timed } from './in-process.mjs';

const limit = 5;
const beatsPerCall = 4;
const contextTokens = 2_000;
const model = 'm';

/** Routes of both between heartbeats; a row for each. */
export async function measurePeers(size, calls) {
  const offers = offersOf(size);
  const rows = [];
  for (const [system, open] of [
    ['sorted array', async () => sortedArray(offers)],
    ['SQLite', () => sqliteTable(offers)],
  ]) {
    const { find, beat, version, close } = await open();
    const routeUs = bothOf(runOf({ size, calls, find, beat }));
    await close();
    rows.push({ size, system, version, routeUs });
    const text = (us) => us.toFixed(1).padStart(8);
    console.log(
      `${`${system}, ${size}`.padEnd(22)}${text(routeUs.wall.p50)}${text(routeUs.cpu.p99)}${text(routeUs.wall.p99)}`,
    );
  }
  return rows;
}

function runOf({ size, calls, find, beat }) {
  const draw = createDraw();
  const took = [];
  for (let call = -calls / 10; call < calls; call += 1) {
    for (let at = 0; at < beatsPerCall; at += 1) {
      const slots = 1 + Math.floor(draw() * 8);
      beat(Math.floor(draw() * size), { slots, running: Math.floor(draw() * (slots + 1)) });
    }
    let found;
    const time = timed(() => {
      found = find();
    });
    if (found.length !== limit) throw new Error(`${found.length} offers were found`);
    if (call >= 0) took.push(time);
  }
  return took;
}

function offersOf(size) {
  const draw = createDraw();
  return Array.from({ length: size }, (_, id) => ({
    id,
    price: 100_000_000 + Math.floor(draw() * 100_000) * 1_000,
    contextMax: id % 100 === 0 ? 131_072 : 8_192,
    slots: 4,
    running: 0,
  }));
}

function sortedArray(offers) {
  const byId = offers.map((offer) => ({ ...offer }));
  const sorted = byId.toSorted((a, b) => a.price - b.price);
  return {
    version: `Node ${process.versions.node}`,
    beat: (id, gauges) => Object.assign(byId[id], gauges),
    find() {
      const found = [];
      for (const offer of sorted) {
        if (offer.running >= offer.slots || offer.contextMax < contextTokens) continue;
        if (found.push(offer) === limit) break;
      }
      return found;
    },
    close: async () => {},
  };
}

async function sqliteTable(offers) {
  const sqlite = await openSqlite(':memory:', { durability: 'normal' });
  sqlite.exec(
    'create table offers (id integer primary key, model text, price integer, contextMax integer, slots integer, running integer);' +
      'create index byPrice on offers (model, price)',
  );
  const put = sqlite.prepare('insert into offers values (?, ?, ?, ?, ?, ?)');
  sqlite.transaction(() => {
    for (const { id, price, contextMax, slots, running } of offers) {
      put.run(id, model, price, contextMax, slots, running);
    }
  });
  const heard = sqlite.prepare('update offers set slots = ?, running = ? where id = ?');
  const best = sqlite.prepare(
    `select id, price from offers where model = ? and running < slots and contextMax >= ? order by price limit ${limit}`,
  );
  return {
    version: sqlite.prepare('select sqlite_version() as v').get().v,
    beat: (id, { slots, running }) => heard.run(slots, running, id),
    find: () => best.all(model, contextTokens),
    close: () => sqlite.close(),
  };
}

/** The same numbers in [0, 1) in every run. */
function createDraw() {
  let state = 7;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
