import type { Migration } from '@aitbc/service';

/**
 * What agents agree on, as far as the coordinator follows the chain. `chain_cursors` says how far each reader of final
 * blocks has come. Cards and documents are keyed by the hash that stands on chain; `words` are what a search looks
 * through. `place` of a task orders tasks as the chain does: `height × 2^20 + transaction × 256 + operation`;
 * `changed_place` is that of its last step. `alarm_at_ms` is when its parties are next told of its date. Steps are numbered
 * as events are: `seq` rises with time, `step` makes each one unique. `shared_tasks` are tasks that stand in proposals of
 * shared accounts, until the proposal cannot go on.
 */
export const coordination: Migration = {
  name: 'coordination',
  up: `
create table chain_cursors (
  consumer text primary key,
  height integer not null,
  hash text not null
) strict;

create table agents (
  address text primary key,
  name text not null,
  endpoint text not null,
  card_hash text not null,
  place integer not null
) strict;
create index agents_of_card on agents (card_hash);

create table agent_cards (
  card_hash text primary key,
  document text not null,
  words text not null,
  stored_at_ms integer not null
) strict;
create index agent_cards_by_time on agent_cards (stored_at_ms);

create table agent_skills (
  card_hash text not null,
  skill text not null,
  primary key (skill, card_hash)
) strict;
create index agent_skills_of_card on agent_skills (card_hash);

create table tasks (
  task_id text primary key,
  place integer not null,
  poster text not null,
  worker text,
  arbiter text,
  reward text not null,
  deadline_ms integer not null,
  review_ms integer not null,
  spec_hash text not null,
  state text not null,
  due_at_ms integer not null,
  result_hash text,
  reason_hash text,
  worker_share text not null,
  posted_at_ms integer not null,
  changed_at_ms integer not null,
  changed_place integer not null,
  alarm_at_ms integer
) strict;
create index tasks_by_place on tasks (place);
create index tasks_of_state on tasks (state, place);
create index tasks_of_poster on tasks (poster, place);
create index tasks_of_worker on tasks (worker, place);
create index tasks_of_arbiter on tasks (arbiter, place);
create index tasks_of_spec on tasks (spec_hash);
create index tasks_of_result on tasks (result_hash);
create index tasks_of_reason on tasks (reason_hash);
create index tasks_alarms on tasks (alarm_at_ms) where alarm_at_ms is not null;
create index tasks_ended on tasks (changed_at_ms) where state = 'ended';

create table task_documents (
  hash text primary key,
  document text not null,
  title text,
  skill text,
  stored_at_ms integer not null
) strict;
create index task_documents_of_skill on task_documents (skill);
create index task_documents_by_time on task_documents (stored_at_ms);

create table task_steps (
  seq integer primary key,
  task_id text not null,
  step text not null,
  kind text not null,
  at_ms integer not null,
  actor text,
  tx_id text,
  unique (task_id, step)
) strict;
create index task_steps_of_task on task_steps (task_id, seq);

create table shared_tasks (
  task_id text not null,
  account text not null,
  until_ms integer not null,
  primary key (account, task_id)
) strict;
create index shared_tasks_by_time on shared_tasks (until_ms);
`,
};
