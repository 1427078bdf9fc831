/** One field that finds anything: a height, an address, a hash of any kind, or a model. `/` goes there. */
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { findAnything } from './find-anything.ts';

/** The search field. */
export function SearchBox() {
  const field = useRef<HTMLInputElement>(null);
  const navigate = useNavigate();
  const [fault, setFault] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => onSlash(() => field.current?.focus()), []);
  const search = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const text = field.current?.value.trim() ?? '';
    if (text === '' || isBusy) return;
    setBusy(true);
    const found = await findAnything(text);
    setBusy(false);
    if (!found) {
      setFault(`Nothing here is called ${text.slice(0, 24)}${text.length > 24 ? '…' : ''}`);
      return;
    }
    setFault(undefined);
    if (field.current) field.current.value = '';
    field.current?.blur();
    await navigate(found);
  };
  return (
    <search className="search">
      <form onSubmit={(event) => void search(event)}>
        <input
          ref={field}
          type="search"
          aria-label="Search blocks, transactions, accounts, channels, jobs, models"
          placeholder="Search block, hash, address, job or model"
          autoComplete="off"
          spellCheck={false}
          aria-busy={isBusy}
          onChange={() => setFault(undefined)}
        />
        <kbd>/</kbd>
      </form>
      {fault !== undefined && (
        <div className="search-fault" role="alert">
          {fault}
        </div>
      )}
    </search>
  );
}

/** Calls back when `/` is typed where nothing is being written. Returns what ends it. */
function onSlash(act: () => void): () => void {
  const listen = (event: KeyboardEvent): void => {
    const isWriting =
      event.target instanceof HTMLElement && event.target.closest('input, textarea, select');
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isWriting) return;
    event.preventDefault();
    act();
  };
  addEventListener('keydown', listen);
  return () => removeEventListener('keydown', listen);
}
