/**
 * The Grafana boards, made from one table of panels: `node scripts/deploy/boards.mjs` writes deploy/monitoring/grafana/boards.
 * A test holds the files against the table, and every metric in boards and alerts against what the daemons offer.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../run-command.mjs';
import { isMain } from '../setup.mjs';

const FOLDER = join(ROOT, 'deploy/monitoring/grafana/boards');
const COLUMNS = 3;
const WIDTH = 24 / COLUMNS;
const HEIGHT = 8;

/** Board → panels: title, unit, and what is drawn: legend → query. */
const BOARDS = {
  network: {
    title: 'AITBC: the chain',
    panels: [
      ['Final transactions', 'ops', { '{{instance}}': 'rate(aitbc_final_transactions_total[1m])' }],
      ['Final blocks', 'ops', { '{{instance}}': 'rate(aitbc_final_blocks_total[1m])' }],
      [
        'Finality',
        's',
        {
          p50: 'histogram_quantile(0.5, sum(rate(aitbc_finality_seconds_bucket[1m])) by (le))',
          p99: 'histogram_quantile(0.99, sum(rate(aitbc_finality_seconds_bucket[1m])) by (le))',
        },
      ],
      ['Height', 'none', { '{{instance}}': 'aitbc_height' }],
      ['Waiting transactions', 'none', { '{{instance}}': 'aitbc_mempool_transactions' }],
      ['Peers', 'none', { '{{instance}}': 'aitbc_peers' }],
      ['View of the agreement', 'none', { '{{instance}}': 'aitbc_view' }],
      ['Synced votes', 'ops', { '{{instance}}': 'rate(aitbc_journal_syncs_total[1m])' }],
      ['Contradictions seen', 'none', { '{{instance}}': 'aitbc_evidence_seen_total' }],
    ],
  },
  market: {
    title: 'AITBC: the market',
    panels: [
      [
        'Calls',
        'reqps',
        { '{{job}}': 'sum(rate(http_request_duration_seconds_count[1m])) by (job)' },
      ],
      [
        'Time of a call, p99',
        's',
        {
          '{{job}}':
            'histogram_quantile(0.99, sum(rate(http_request_duration_seconds_bucket[1m])) by (le, job))',
        },
      ],
      [
        'Failed calls',
        'reqps',
        {
          '{{job}} {{status}}':
            'sum(rate(http_request_duration_seconds_count{status=~"5.."}[1m])) by (job, status)',
        },
      ],
      ['Engine miscounts', 'none', { '{{instance}}': 'aitbc_provider_engine_miscounts_total' }],
      ['Relayed calls', 'none', { '{{instance}}': 'aitbc_coordinator_relayed_calls' }],
      ['Events dropped', 'none', { '{{instance}}': 'aitbc_coordinator_events_dropped' }],
      [
        'Processor',
        'percentunit',
        { '{{job}} {{instance}}': 'rate(process_cpu_seconds_total[1m])' },
      ],
      ['Memory', 'bytes', { '{{job}} {{instance}}': 'process_resident_memory_bytes' }],
      ['Up', 'none', { '{{job}} {{instance}}': 'up' }],
    ],
  },
};

/** Every file of the folder: name → text. */
export function boardFiles() {
  return Object.fromEntries(
    Object.entries(BOARDS).map(([name, board]) => [
      `${name}.json`,
      `${JSON.stringify(boardOf(name, board), null, 2)}\n`,
    ]),
  );
}

function boardOf(name, { title, panels }) {
  return {
    uid: `aitbc-${name}`,
    title,
    schemaVersion: 39,
    refresh: '5s',
    time: { from: 'now-15m', to: 'now' },
    panels: panels.map(panelOf),
  };
}

function panelOf([title, unit, queries], at) {
  return {
    id: at + 1,
    type: 'timeseries',
    title,
    datasource: { type: 'prometheus', uid: 'prometheus' },
    gridPos: {
      x: (at % COLUMNS) * WIDTH,
      y: Math.floor(at / COLUMNS) * HEIGHT,
      w: WIDTH,
      h: HEIGHT,
    },
    fieldConfig: {
      defaults: { unit, custom: { fillOpacity: 10, showPoints: 'never' } },
      overrides: [],
    },
    targets: Object.entries(queries).map(([legendFormat, expr], index) => ({
      refId: String.fromCharCode(65 + index),
      expr,
      legendFormat,
    })),
  };
}

if (isMain(import.meta.url)) {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, text] of Object.entries(boardFiles())) writeFileSync(join(FOLDER, name), text);
}
