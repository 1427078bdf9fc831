/** Paste or drop a proof and see it verified here, by this browser. */
import { useSearch } from '@tanstack/react-router';
import { type DragEvent, useCallback, useEffect, useState } from 'react';
import { callJson } from '../../data/call-json.ts';
import { useChain, useConsole } from '../../data/hooks.ts';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty } from '../../parts/states.tsx';
import { loadVerifier } from './load-verifier.ts';
import { VerifiedView } from './verified-view.tsx';
import type { Trust, Verified } from './verify-proof.ts';

const fileBytesMax = 16_777_216;

interface Wish {
  /** A job of the reader's gateway, and that gateway. */
  readonly job?: string;
}

/** The page of receipts. */
export function ReceiptPage() {
  const { job } = useSearch({ strict: false }) as Wish;
  const [text, setText] = useState('');
  const [genesis, setGenesis] = useState<Trust['genesis']>();
  const [note, setNote] = useState<string>();
  const verified = useVerified(text, genesis);
  useProofOf(job, setText, setNote);
  const take = useCallback((content: string): void => {
    const parsed = genesisOf(content);
    setNote(parsed ? 'The genesis document is what is trusted now.' : undefined);
    if (parsed) setGenesis(parsed);
    else setText(content);
  }, []);
  const takeFiles = (files: FileList | null): void => {
    for (const file of files ?? []) {
      if (file.size > fileBytesMax) setNote(`${file.name} is larger than any proof.`);
      else void file.text().then(take);
    }
  };
  return (
    <>
      <PageHead
        title="Verify a receipt"
        text={
          <>
            The proof of a paid job is checked in this browser, with the code of{' '}
            <code>aitbc receipt verify</code>: no server is asked whether it holds.
          </>
        }
      />
      <div className="grid two">
        <Panel title="Proof" note="a file of aitbc receipt export" padded>
          <DropZone onFiles={takeFiles}>
            <div className="field">
              <label htmlFor="proof">
                Paste it here, or drop the file. A genesis document may be dropped too.
              </label>
              <textarea
                id="proof"
                rows={10}
                spellCheck={false}
                value={text}
                onChange={({ target }) => setText(target.value)}
                placeholder='{"bodyDigest": …'
              />
            </div>
            <div className="steps">
              <label className="plain-button">
                Choose a file
                <input
                  type="file"
                  className="hidden-text"
                  accept=".json,application/json"
                  onChange={({ target }) => takeFiles(target.files)}
                />
              </label>
              {text !== '' && (
                <button type="button" className="plain-button" onClick={() => setText('')}>
                  Clear
                </button>
              )}
            </div>
            {note !== undefined && <p className="soft">{note}</p>}
          </DropZone>
        </Panel>
        <div aria-live="polite">
          {verified ? (
            <VerifiedView verified={verified} />
          ) : (
            <Panel title="Result">
              <Empty title="Nothing to verify yet">
                <p>
                  Signatures, token ranges, text hashes and prices are checked; with its way to the
                  chain in the file, also keys, Merkle paths and certificates.
                </p>
                <pre>aitbc receipt export JOB --out job.json</pre>
              </Empty>
            </Panel>
          )}
        </div>
      </div>
    </>
  );
}

/** Verifies whenever something changes; the code for it is loaded the first time. */
function useVerified(text: string, genesis: Trust['genesis']): Verified | undefined {
  const { data } = useChain('chain_status', {});
  const [verified, setVerified] = useState<Verified>();
  useEffect(() => {
    let isOver = false;
    const run = async (): Promise<void> => {
      if (text.trim() === '' || !data) {
        setVerified(undefined);
        return;
      }
      const { verifyText } = await loadVerifier();
      const { network, genesisHash } = data;
      if (!isOver) setVerified(verifyText(text, { genesis, network, genesisHash }));
    };
    run().catch((error: unknown) => setVerified({ ok: false, reason: String(error) }));
    return () => {
      isOver = true;
    };
  }, [text, genesis, data]);
  return verified;
}

/** Fetches the proof of a job of the reader's own gateway. */
function useProofOf(
  job: string | undefined,
  onText: (text: string) => void,
  onNote: (note: string) => void,
): void {
  const { data } = useConsole();
  const gateway = data?.gateway;
  useEffect(() => {
    if (job === undefined || !/^[0-9a-f]{64}$/.test(job) || !gateway) return;
    const leaving = new AbortController();
    callJson<unknown>(`${gateway}/v1/aitbc/receipts/${job}`, { signal: leaving.signal })
      .then((proof) => {
        onText(JSON.stringify(proof));
        onNote('This proof came from your own gateway.');
      })
      .catch((error: unknown) => {
        if (!leaving.signal.aborted) onNote(error instanceof Error ? error.message : String(error));
      });
    return () => leaving.abort();
  }, [job, gateway, onText, onNote]);
}

/** A genesis document has parameters and validators; a proof has neither. */
function genesisOf(content: string): Trust['genesis'] {
  try {
    const value = JSON.parse(content) as Record<string, unknown>;
    return 'params' in value && 'validators' in value
      ? (value as unknown as Trust['genesis'])
      : undefined;
  } catch {
    return undefined;
  }
}

function DropZone({
  onFiles,
  children,
}: {
  readonly onFiles: (files: FileList | null) => void;
  readonly children: React.ReactNode;
}) {
  const [isOver, setOver] = useState(false);
  const over = (event: DragEvent): void => {
    event.preventDefault();
    setOver(true);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is an extra; the field and the button do the same
    <div
      className="drop stack"
      data-over={isOver}
      onDragOver={over}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        onFiles(event.dataTransfer.files);
      }}
    >
      {children}
    </div>
  );
}
