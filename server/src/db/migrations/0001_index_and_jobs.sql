-- The common subset of SQLite and PostgreSQL: TEXT ids (UUIDv7), BIGINT milliseconds since the epoch.

-- What the server remembers of itself; written at each start, which proves that writing works.
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    content TEXT NOT NULL
);

-- What the run directories say, so that a start need not read them all. May be emptied at any time.
CREATE TABLE run_index (
    directory TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    facts TEXT NOT NULL,
    indexed_ms BIGINT NOT NULL
);

CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    run_id TEXT NOT NULL,
    directory TEXT NOT NULL,
    config TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    -- The machine that runs it: process ids mean nothing elsewhere.
    host TEXT NOT NULL,
    pid BIGINT,
    process_start TEXT,
    exit_code BIGINT,
    error TEXT,
    created_ms BIGINT NOT NULL,
    started_ms BIGINT,
    ended_ms BIGINT
);

CREATE INDEX jobs_by_state ON jobs (state, created_ms);
CREATE INDEX jobs_by_run ON jobs (run_id, created_ms);
