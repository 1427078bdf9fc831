/** What stands around every page: navigation, search, the pulse of the chain. */
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useChain, useLive } from '../data/hooks.ts';
import { grouped } from '../format/amounts.ts';
import { useScheme } from './scheme.ts';
import { SearchBox } from './search-box.tsx';

const groups = [
  {
    title: 'Network',
    links: [
      ['/', 'Overview'],
      ['/explorer', 'Explorer'],
      ['/validators', 'Validators'],
    ],
  },
  {
    title: 'Market',
    links: [
      ['/market', 'Market'],
      ['/jobs', 'Jobs'],
      ['/providers', 'Providers'],
      ['/surveillance', 'Surveillance'],
    ],
  },
  {
    title: 'Agents',
    links: [
      ['/agents', 'Agents'],
      ['/tasks', 'Tasks'],
      ['/mandates', 'Mandates'],
    ],
  },
  {
    title: 'Yours',
    links: [
      ['/playground', 'Playground'],
      ['/receipt', 'Verify a receipt'],
    ],
  },
] as const;

/** Navigation, head and page. */
export function Shell() {
  const [isOpen, setOpen] = useState(false);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = titleOf(path);
    setOpen(false);
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [path]);
  return (
    <div className="shell">
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <Nav isOpen={isOpen} />
      <div className="side">
        <header className="top">
          <button
            type="button"
            className="menu-button"
            aria-expanded={isOpen}
            aria-controls="nav"
            aria-label="Menu"
            onClick={() => setOpen(!isOpen)}
          >
            <svg
              width="18"
              height="18"
              viewBox="0 0 18 18"
              fill="none"
              stroke="currentColor"
              strokeWidth="1.7"
              strokeLinecap="round"
              aria-hidden="true"
            >
              <path d={isOpen ? 'm4 4 10 10M14 4 4 14' : 'M2.5 5h13M2.5 9h13M2.5 13h13'} />
            </svg>
          </button>
          <SearchBox />
          <div className="top-right">
            <Pulse />
            <SchemeButton />
          </div>
        </header>
        <Lost />
        <main id="page" tabIndex={-1} ref={main}>
          <Outlet />
        </main>
      </div>
    </div>
  );
}

function titleOf(path: string): string {
  const links = groups.flatMap((group) => [...group.links]);
  const found = links.find(([to]) => (to === '/' ? path === '/' : path.startsWith(to)));
  return `${found?.[1] ?? 'Console'} · AITBC`;
}

function Nav({ isOpen }: { readonly isOpen: boolean }) {
  const status = useChain('chain_status', {}, { everyMs: 30_000 });
  return (
    <nav className="nav" id="nav" data-open={isOpen} aria-label="Pages">
      <div className="brand">
        <img src="/icon.svg" alt="" width="22" height="22" />
        AITBC
      </div>
      {groups.map(({ title, links }) => (
        <div key={title}>
          <h2>{title}</h2>
          <ul>
            {links.map(([to, name]) => (
              <li key={to}>
                <Link to={to} activeOptions={{ exact: to === '/' }}>
                  {name}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <div className="nav-foot">
        {status.data && <span>{status.data.network}</span>}
        <a className="link" href="/docs" target="_blank" rel="noreferrer">
          API of this coordinator
        </a>
      </div>
    </nav>
  );
}

/** The newest block, and whether news still come. */
function Pulse() {
  const { status, blocks } = useLive();
  const asked = useChain('chain_status', {}, { everyMs: 30_000 });
  const height = blocks.at(-1)?.height ?? asked.data?.height;
  const tone = status === 'live' ? 'good' : status === 'lost' ? 'bad' : 'wait';
  return (
    <span className="pulse" title={`The live stream is ${status}`}>
      <span className={`dot ${tone}`} />
      <span className="word">Block</span>
      <span className="num">{height === undefined ? '–' : grouped(height)}</span>
    </span>
  );
}

function Lost() {
  if (useLive().status !== 'lost') return null;
  return (
    <div className="offline" role="status">
      <span className="dot wait" />
      The live stream is interrupted. What you see may be old; it is tried again by itself.
    </div>
  );
}

function SchemeButton() {
  const [scheme, keepScheme] = useScheme();
  const next = scheme === 'dark' ? 'light' : 'dark';
  return (
    <button
      type="button"
      className="copy"
      onClick={() => keepScheme(next)}
      aria-label={`Switch to ${next}`}
      title={`Switch to ${next}`}
    >
      <svg
        width="17"
        height="17"
        viewBox="0 0 18 18"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
        strokeLinecap="round"
        aria-hidden="true"
      >
        {scheme === 'dark' ? (
          <>
            <circle cx="9" cy="9" r="3.4" />
            <path d="M9 1.5v1.6M9 14.9v1.6M1.5 9h1.6M14.9 9h1.6M3.7 3.7l1.1 1.1M13.2 13.2l1.1 1.1M3.7 14.3l1.1-1.1M13.2 4.8l1.1-1.1" />
          </>
        ) : (
          <path d="M15.3 10.9A6.6 6.6 0 0 1 7.1 2.7a6.6 6.6 0 1 0 8.2 8.2Z" />
        )}
      </svg>
    </button>
  );
}
