/** Methods about audits on chain. */
import { entryOf } from '@aitbc/chain';
import { AppError, addressOf } from '@aitbc/protocol';
import { auditToJson } from '../work-forms.ts';
import type { Handlers, MethodDeps } from './deps.ts';
import { pageOf } from './list-methods.ts';
import type { Prover } from './prover.ts';
import { createEntryReader } from './state-reads.ts';

/** Audits looked through in one call: closed ones stay in the state, and most are closed. */
const auditsSeen = 1_000;

/** The handlers of these methods. */
export function auditMethods(
  deps: MethodDeps,
  prover: Prover,
): Pick<Handlers, 'audit_get' | 'audits_open' | 'audit_jurors'> {
  const { store } = deps;
  const read = createEntryReader(deps, prover);
  return {
    async audit_get({ auditId, proof }, { signal }) {
      const { entry, more } = await read({ kind: 'audit', id: auditId, proof }, signal);
      if (!entry) throw new AppError('AUDIT_UNKNOWN', { auditId });
      return { ...auditToJson(auditId, entry), ...more };
    },
    audits_open({ after }) {
      const ids = store.keysOf({ letter: 'w', after, limit: auditsSeen + 1 });
      const { page, next } = pageOf(ids, auditsSeen);
      const audits = page.flatMap((id) => {
        const audit = entryOf(store, 'audit', id);
        return audit && audit.phase !== 'closed' ? [auditToJson(id, audit)] : [];
      });
      return { audits, next };
    },
    audit_jurors({ digest }) {
      const members = entryOf(store, 'jury', digest)?.members ?? [];
      return { jurors: members.map(({ juror }) => addressOf(juror)) };
    },
  };
}
