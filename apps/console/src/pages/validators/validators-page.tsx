/** Who agrees on the chain: stake, votes in the last blocks, what was missed, what was punished. */
import { useQuery } from '@tanstack/react-query';
import type { CallError } from '../../data/call-json.ts';
import { type Asked, useChain } from '../../data/hooks.ts';
import { type ChainOutput, chain } from '../../data/sources.ts';
import { useHistory } from '../../data/use-history.ts';
import { grouped } from '../../format/amounts.ts';
import { quantile } from '../../format/times.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Badge, Money, Source, Stats } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';

type Validator = ChainOutput<'validators_get'>['validators'][number];

interface Row extends Validator {
  /** Of the blocks that were looked at. */
  readonly signed: readonly boolean[];
  readonly proposed: number;
}

const looked = 24;
const everyMs = 5_000;

/** The validators of this epoch. */
export function ValidatorsPage() {
  const status = useChain('chain_status', {}, { everyMs });
  const asked = useChain('validators_get', {}, { everyMs });
  const state = useChain('consensus_state', {}, { everyMs });
  const votes = useVotes(status.data?.height, asked.data);
  const finals = useHistory().flatMap(({ finalMs }) => (finalMs === null ? [] : [finalMs]));
  const median = quantile(finals, 0.5);
  const total = asked.data?.validators.reduce((sum, { stake }) => sum + BigInt(stake), 0n);
  return (
    <>
      <PageHead
        title="Validators"
        text="They agree on every block. A block is final when members with more than two thirds of the stake have signed it."
      />
      <div className="stack">
        <Stats
          stats={[
            {
              name: 'In this epoch',
              value: asked.data?.validators.length ?? '–',
              under:
                asked.data &&
                `epoch ${asked.data.epoch}, blocks ${grouped(asked.data.firstHeight)} to ${grouped(asked.data.lastHeight)}`,
            },
            { name: 'At stake', value: total === undefined ? '–' : <Money nait={total} /> },
            {
              name: 'Final after',
              value: median === undefined ? '–' : Math.round(median),
              unit: median === undefined ? undefined : 'ms',
              under: 'median of the blocks seen live',
            },
            {
              name: 'View',
              value: state.data ? grouped(state.data.view) : '–',
              under: state.data?.halted ? (
                <span className="bad">halted</span>
              ) : (
                'a view is one try for a block'
              ),
            },
          ]}
        />
        <Panel
          title="Members"
          note={`certificates of the last ${looked} blocks, oldest first; each holds the first votes of two thirds, so a missing one is no fault`}
          end={<Source path="/openapi.json">validators_get</Source>}
        >
          <Loaded asked={asked}>
            {({ validators }) => (
              <DataTable
                label="Validators"
                columns={columns}
                rows={validators.map((one, at) => rowOf(one, at, votes.data ?? []))}
                rowKey={({ publicKey }) => publicKey}
              />
            )}
          </Loaded>
        </Panel>
        <Convictions />
      </div>
    </>
  );
}

type Bundle = ChainOutput<'chain_getLightBundle'>;

/** Certificates of the newest blocks of this epoch. */
function useVotes(
  height: number | undefined,
  set: ChainOutput<'validators_get'> | undefined,
): Asked<Bundle[]> {
  return useQuery<Bundle[], CallError>({
    queryKey: ['votes', height, set?.firstHeight],
    enabled: height !== undefined && set !== undefined,
    placeholderData: (before) => before,
    queryFn: async ({ signal }) => {
      const lowest = Math.max(1, set?.firstHeight ?? 1, (height ?? 0) - looked + 1);
      const heights = Array.from(
        { length: Math.max(0, (height ?? 0) - lowest + 1) },
        (_, at) => lowest + at,
      );
      return Promise.all(
        heights.map((at) => chain('chain_getLightBundle', { height: at }, signal)),
      );
    },
  });
}

function rowOf(validator: Validator, place: number, bundles: readonly Bundle[]): Row {
  const signed = bundles.map(({ certificate }) =>
    certificate.votes.some((vote) => vote.validator === place),
  );
  const proposed = bundles.filter(({ header }) => header.proposer === validator.publicKey).length;
  return { ...validator, signed, proposed };
}

const columns: readonly Column<Row>[] = [
  {
    key: 'key',
    title: 'Key',
    width: 'minmax(130px, 190px)',
    cell: ({ publicKey }) => <Id text={publicKey} kind="plain" />,
  },
  {
    key: 'votes',
    title: 'Votes',
    width: 'minmax(0, 1fr)',
    isWide: true,
    cell: ({ signed }) => <VoteBar signed={signed} />,
  },
  {
    key: 'share',
    title: 'Signed',
    width: '64px',
    isRight: true,
    cell: ({ signed }) => <span className="num">{shareText(signed)}</span>,
  },
  {
    key: 'proposed',
    title: 'Proposed',
    width: '76px',
    isRight: true,
    isWide: true,
    cell: ({ proposed }) => <span className="num">{proposed}</span>,
  },
  {
    key: 'missed',
    title: 'Missed views',
    width: '96px',
    isRight: true,
    isWide: true,
    cell: ({ state }) => <span className="num">{state?.missedViews ?? '–'}</span>,
  },
  {
    key: 'stake',
    title: 'Stake',
    width: '124px',
    isRight: true,
    cell: ({ stake }) => <Money nait={stake} />,
  },
  {
    key: 'state',
    title: 'State',
    width: '84px',
    isRight: true,
    isWide: true,
    cell: ({ state }) => <StateBadge state={state} />,
  },
];

function VoteBar({ signed }: { readonly signed: readonly boolean[] }) {
  const count = signed.filter(Boolean).length;
  return (
    <span className="vote-bar" role="img" aria-label={`${count} of ${signed.length} blocks signed`}>
      {signed.map((one, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: places of blocks in a row
        <i key={at} data-signed={one} />
      ))}
    </span>
  );
}

function shareText(signed: readonly boolean[]): string {
  if (signed.length === 0) return '–';
  return `${Math.round((100 * signed.filter(Boolean).length) / signed.length)} %`;
}

function StateBadge({ state }: { readonly state: Validator['state'] }) {
  if (state?.slashed) return <Badge tone="bad">slashed</Badge>;
  if (state && state.jailedUntilMs > 0) return <Badge tone="wait">jailed</Badge>;
  return <Badge tone="good">active</Badge>;
}

function Convictions() {
  const asked = useChain('evidence_list', {}, { everyMs: 30_000 });
  return (
    <Panel
      title="Convictions"
      note="two votes that contradict each other, proven on chain"
      end={<Source path="/openapi.json">evidence_list</Source>}
    >
      <Loaded
        asked={asked}
        isEmpty={({ evidence }) => evidence.length === 0}
        empty={<Empty title="None: no validator has contradicted itself in the newest blocks" />}
      >
        {({ evidence }) => (
          <ul className="lines">
            {evidence.map(({ txId, validator, height, reporter }) => (
              <li key={txId}>
                <Id text={validator} kind="plain" /> in block {grouped(height)}, reported by{' '}
                <Id text={reporter} kind="account" />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}
