/** Mandates: what owners let other keys spend. The chain lists them by an account, so one is asked for first. */
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { FormEvent } from 'react';
import { useConsole } from '../../data/hooks.ts';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty } from '../../parts/states.tsx';
import { MandateTable } from './mandate-table.tsx';
import { usePayer } from './use-payer.ts';

/** The page of mandates. */
export function MandatesPage() {
  const { account } = useSearch({ strict: false }) as { account?: string };
  const navigate = useNavigate();
  const gateway = useConsole().data?.gateway;
  const payer = usePayer(gateway);
  const shown = account ?? payer;
  const look = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const wanted = String(new FormData(event.currentTarget).get('account') ?? '')
      .trim()
      .toLowerCase();
    void navigate({ to: '/mandates', search: (wanted === '' ? {} : { account: wanted }) as never });
  };
  return (
    <>
      <PageHead
        title="Mandates"
        text="An owner lets another key spend from its vault: so much at a time, in a window, in all, until a block. The chain and every provider hold the key to it."
      />
      <form className="filters" onSubmit={look} key={shown}>
        <input
          type="search"
          name="account"
          aria-label="Account"
          placeholder="ait1…"
          defaultValue={shown ?? ''}
          spellCheck={false}
          autoComplete="off"
          size={52}
        />
        <button type="submit" className="plain-button">
          Look
        </button>
      </form>
      {shown === undefined ? (
        <Panel>
          <Empty title="Whose mandates?">
            <p>Give the account of an owner or of a key that spends.</p>
          </Empty>
        </Panel>
      ) : (
        <div className="stack">
          {account === undefined && (
            <p className="soft">This is the account that your gateway pays from.</p>
          )}
          <MandateTable title="Mandates it gave" query={{ owner: shown }} />
          <MandateTable title="Mandates it has" query={{ subKey: shown }} />
        </div>
      )}
    </>
  );
}
