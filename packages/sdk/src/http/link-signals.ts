/**
 * One signal that aborts with the first of several. `AbortSignal.any` does the same, but leaves a trace in each
 * source for as long as that lives; these links are taken away when the work is done.
 */

/** A signal, and what takes it away from its sources. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  unlink(): void;
}

/** A signal that aborts, with the same reason, as soon as one of the sources does. */
export function linkSignals(sources: readonly AbortSignal[]): LinkedSignal {
  const controller = new AbortController();
  const listeners = sources.map((source) => {
    const onAbort = () => controller.abort(source.reason);
    if (source.aborted) onAbort();
    else source.addEventListener('abort', onAbort, { once: true });
    return () => source.removeEventListener('abort', onAbort);
  });
  return {
    signal: controller.signal,
    unlink() {
      for (const remove of listeners) remove();
    },
  };
}
