/**
 * Entries of lanes, mandates and tasks: their fields and canonical order. What the values mean is told by
 * the rules that write them (`rules/lanes.ts`, `rules/mandates.ts`, `rules/tasks.ts`).
 * See docs/spec/chain.md, "State".
 */
import { DecodeError } from '@aitbc/primitives';
import {
  batchableKinds,
  type Fields,
  field,
  limits,
  type RecordOf,
  taskTermsFields,
} from '@aitbc/protocol';

/** True or false in one byte. */
export const flag: field.Field<boolean> = {
  write: (writer, value) => void writer.u8(value ? 1 : 0),
  read(reader) {
    const value = reader.u8();
    if (value > 1) throw new DecodeError('a flag is neither 0 nor 1');
    return value === 1;
  },
  toJson: (value) => value,
  fromJson(json) {
    if (typeof json !== 'boolean') throw new DecodeError('expected true or false');
    return json;
  },
};

/** States of a task in the order of their numbers. */
export const taskStates = ['open', 'accepted', 'submitted', 'disputed', 'ended'] as const;

/** State of a task. */
export type TaskStateName = (typeof taskStates)[number];

/** One of several names in one byte: its place in the list. */
export function nameField<T extends string>(names: readonly T[], what: string): field.Field<T> {
  return {
    write: (writer, value) => void writer.u8(names.indexOf(value)),
    read(reader) {
      const value = names[reader.u8()];
      if (value === undefined) throw new DecodeError(`${what} is in no known state`);
      return value;
    },
    toJson: (value) => value,
    fromJson(json) {
      const value = names.find((name) => name === json);
      if (value === undefined) throw new DecodeError(`expected one of ${names.join(', ')}`);
      return value;
    },
  };
}

const laneFields = { nonce: field.count } as const satisfies Fields;

const expiringFields = {
  alive: field.list({ contentId: field.hash, validUntil: field.count }, limits.expiringPerAccount),
} as const satisfies Fields;

const mandateFields = {
  owner: field.account,
  ...batchableKinds.mandate_grant.fields,
  revoked: flag,
  spentNait: field.amount,
  windowStartMs: field.count,
  windowSpentNait: field.amount,
} as const satisfies Fields;

const taskFields = {
  poster: field.account,
  ...taskTermsFields,
  state: nameField(taskStates, 'a task'),
  dueMs: field.count,
  resultHash: field.hash,
  reasonHash: field.hash,
  workerShareNait: field.amount,
} as const satisfies Fields;

/** Letters and fields of these entries. */
export const workTables = {
  lane: { letter: 'l', fields: laneFields },
  expiring: { letter: 'x', fields: expiringFields },
  mandate: { letter: 'm', fields: mandateFields },
  task: { letter: 't', fields: taskFields },
} as const satisfies Record<string, { letter: string; fields: Fields }>;

/** What an account used in the expiring lane and is not over yet. */
export type ExpiringState = Readonly<RecordOf<typeof expiringFields>>;

/** A mandate with what was spent by it, in all and in the window that began at `windowStartMs`. */
export type MandateState = Readonly<RecordOf<typeof mandateFields>>;

/** A task; `dueMs` is the chain time from which anyone may end it, 0 when it is over. */
export type TaskState = Readonly<RecordOf<typeof taskFields>>;

/** Record of each of these kinds. A lane is the nonce of its next transaction. */
export interface WorkEntries {
  readonly lane: Readonly<RecordOf<typeof laneFields>>;
  readonly expiring: ExpiringState;
  readonly mandate: MandateState;
  readonly task: TaskState;
}

/** Coins that a task holds, nait: its reward until it has ended. */
export function rewardIn({ state, reward }: TaskState): bigint {
  return state === 'ended' ? 0n : reward;
}
