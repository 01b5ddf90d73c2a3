//! The tables, as migrations: a step that has been released is never edited, the next one is added after it.
//!
//! Times are whole microseconds since 1970. JSON stands as text. Names are compared byte by byte, so that the
//! order of rows is the order of [`ResourceKey`](holdfast_core::name::ResourceKey).

use rusqlite_migration::{M, Migrations};

const FIRST: &str = "
-- One row a counter: 'version' gives every row version, so that a row that comes again never has an old one.
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter VALUES ('version', 0), ('probe', 0);

CREATE TABLE account (
  name TEXT PRIMARY KEY,
  labels TEXT NOT NULL, spec TEXT NOT NULL,
  generation INTEGER NOT NULL, version INTEGER NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  seal BLOB NOT NULL
);

CREATE TABLE stack (
  name TEXT PRIMARY KEY,
  labels TEXT NOT NULL, spec TEXT NOT NULL,
  generation INTEGER NOT NULL, version INTEGER NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  hold TEXT, deleting INTEGER NOT NULL DEFAULT 0,
  seal BLOB NOT NULL, state_seal BLOB NOT NULL DEFAULT x'' -- the second over hold and deleting
);

-- Columns that are searched come before the long ones, so that a scan need not follow overflow pages.
CREATE TABLE resource (
  id INTEGER PRIMARY KEY,
  stack TEXT NOT NULL REFERENCES stack (name), kind TEXT NOT NULL, name TEXT NOT NULL,
  account TEXT NOT NULL, region TEXT NOT NULL, phase TEXT NOT NULL,
  uid TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL, version INTEGER NOT NULL, fate TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, drift_since INTEGER,
  seal BLOB NOT NULL, status_seal BLOB NOT NULL,
  labels TEXT NOT NULL, stack_tags TEXT NOT NULL, policy TEXT NOT NULL, policy_own TEXT NOT NULL,
  spec TEXT NOT NULL,
  document_spec TEXT, -- NULL where it is the same as spec
  status TEXT NOT NULL,
  UNIQUE (stack, kind, name)
);
-- Pages, filters and counts are answered from this index alone.
CREATE INDEX resource_list ON resource (stack, kind, name, account, region, phase);
CREATE INDEX resource_scope ON resource (account, region);
CREATE INDEX resource_drift ON resource (drift_since) WHERE drift_since IS NOT NULL;

CREATE TABLE memory (
  resource_id INTEGER PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
  body TEXT NOT NULL, seal BLOB NOT NULL
);

-- Outlives its resource.
CREATE TABLE generation (
  id INTEGER PRIMARY KEY,
  stack TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, generation INTEGER NOT NULL,
  at INTEGER NOT NULL, reason TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX generation_key ON generation (stack, kind, name, id);

CREATE TABLE scope_status (
  account TEXT NOT NULL, region TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (account, region)
) WITHOUT ROWID;

CREATE TABLE intent (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL, region TEXT NOT NULL, stack TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
  uid TEXT NOT NULL, at INTEGER NOT NULL, implicit_delete INTEGER NOT NULL,
  body TEXT NOT NULL, seal BLOB NOT NULL,
  result TEXT, -- applied, failed, looked; NULL while open
  outcome TEXT
);
CREATE INDEX intent_open ON intent (account, region, id) WHERE result IS NULL;
CREATE INDEX intent_key ON intent (stack, kind, name, id);
CREATE INDEX intent_implicit ON intent (account, region, at) WHERE implicit_delete = 1;
CREATE INDEX intent_at ON intent (at);

CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL, type TEXT NOT NULL, stack TEXT, kind TEXT, name TEXT, generation INTEGER,
  reason TEXT NOT NULL, message TEXT NOT NULL, data TEXT
);
CREATE INDEX event_key ON event (stack, kind, name, id);
CREATE INDEX event_at ON event (at);

CREATE TABLE idempotency (
  key TEXT PRIMARY KEY, at INTEGER NOT NULL, request_hash TEXT NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE plan (hash TEXT PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL);
";

const APPROVALS: &str = "
-- Under rollout: approve, the generation that is carried out while a newer one awaits approval. None: nothing is.
CREATE TABLE carried (
  resource_id INTEGER PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
  body TEXT NOT NULL, seal BLOB NOT NULL
);

-- What awaits approval, as the last pass found it; part and plan are hashes, replaces that of an overtaken plan.
CREATE TABLE awaiting (
  account TEXT NOT NULL, region TEXT NOT NULL, stack TEXT NOT NULL,
  part TEXT NOT NULL, plan TEXT NOT NULL, replaces TEXT, body TEXT NOT NULL,
  PRIMARY KEY (account, region, stack)
) WITHOUT ROWID;
CREATE INDEX awaiting_stack ON awaiting (stack);

-- What persons approved and no pass has acted on yet.
CREATE TABLE approval (
  account TEXT NOT NULL, region TEXT NOT NULL, stack TEXT NOT NULL,
  part TEXT NOT NULL, plan TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (account, region, stack)
) WITHOUT ROWID;

ALTER TABLE plan ADD COLUMN parts TEXT; -- NULL where nothing of it can be approved
ALTER TABLE plan ADD COLUMN approval TEXT;
ALTER TABLE plan ADD COLUMN outcome TEXT;
";

const HOLDS: &str = "
-- Pauses of other things than stacks, and what a person has confirmed, by place: 'all', 'scope ACCOUNT/REGION',
-- 'resource UID', 'drift ACCOUNT/REGION'.
CREATE TABLE hold (place TEXT PRIMARY KEY, body TEXT NOT NULL, seal BLOB NOT NULL);
ALTER TABLE intent ADD COLUMN replacement INTEGER NOT NULL DEFAULT 0;
CREATE INDEX intent_replacement ON intent (account, region, at) WHERE replacement = 1;
";

const STEPS: [&str; 3] = [FIRST, APPROVALS, HOLDS];

/// How many steps there are: what a store of this version says of itself.
pub(crate) const VERSION: usize = STEPS.len();

/// All steps, oldest first.
pub(crate) fn migrations() -> Migrations<'static> {
    Migrations::new(STEPS.map(M::up).to_vec())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_migrations_run_from_nothing() {
        super::migrations().validate().unwrap();
    }
}
