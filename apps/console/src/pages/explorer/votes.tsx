/** Who made a block final: one mark for each validator. */
import { useChain } from '../../data/hooks.ts';
import type { ChainOutput } from '../../data/sources.ts';
import { shortId } from '../../format/names.ts';
import { Money } from '../../parts/figures.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';

type Certificate = ChainOutput<'chain_getBlock'>['certificate'];

/** The votes of a certificate. */
export function Votes({
  certificate,
  height,
  epoch,
}: {
  readonly certificate: Certificate;
  readonly height: number;
  readonly epoch: number;
}) {
  const asked = useChain('validators_get', { epoch });
  if (!certificate) {
    return (
      <Panel title="Votes">
        <Empty
          title={height === 0 ? 'The genesis block needs none' : 'Made final by a later block'}
        >
          <p>
            {height === 0
              ? 'Everything begins with its document.'
              : 'The certificate of a later block covers this one.'}
          </p>
        </Empty>
      </Panel>
    );
  }
  const signed = new Set(certificate.votes.map(({ validator }) => validator));
  return (
    <Panel
      title="Votes"
      note={`${signed.size} of ${asked.data?.validators.length ?? '…'} signed; more than two thirds of the stake are needed`}
      padded
    >
      <Loaded asked={asked}>
        {({ validators }) => (
          <ul className="votes">
            {validators.map(({ publicKey, stake }, at) => (
              <li key={publicKey} data-signed={signed.has(at)} title={publicKey}>
                <span className="mono">{shortId(publicKey)}</span>
                <Money nait={stake} />
                <span>{signed.has(at) ? 'signed' : 'not needed or late'}</span>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}
