-- Who may do what. Times are milliseconds since the epoch; tokens are kept as SHA-256 alone.
CREATE TABLE people (
    id TEXT NOT NULL PRIMARY KEY,
    -- What the person signs in by; unique without regard to case, so kept in lower case.
    name TEXT NOT NULL UNIQUE,
    -- What researchers see: 'annotator-7f3a'.
    pseudonym TEXT NOT NULL UNIQUE,
    -- admin, researcher, annotator.
    role TEXT NOT NULL,
    -- An argon2id hash; NULL: by link alone.
    password TEXT,
    created_ms BIGINT NOT NULL,
    disabled_ms BIGINT,
    -- Gone at the person's wish: name and password are emptied, the row stays for what was kept.
    deleted_ms BIGINT
);

CREATE TABLE sessions (
    token_hash TEXT NOT NULL PRIMARY KEY,
    person TEXT NOT NULL REFERENCES people (id),
    -- browser (a cookie) or program (a bearer token).
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);

CREATE INDEX sessions_by_person ON sessions (person);

CREATE TABLE invitations (
    token_hash TEXT NOT NULL PRIMARY KEY,
    -- A random id to speak of it by.
    id TEXT NOT NULL UNIQUE,
    -- The role of those who come by it; for an existing person, that person signs in by it.
    role TEXT NOT NULL,
    person TEXT REFERENCES people (id),
    -- The annotation project that it leads to.
    project TEXT,
    note TEXT NOT NULL,
    uses_left BIGINT NOT NULL,
    made_by TEXT,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);

-- What was done that others must be able to check. Grows only.
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    person TEXT,
    act TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL
);

-- Runs that everybody may see.
CREATE TABLE published (
    directory TEXT NOT NULL PRIMARY KEY,
    run_id TEXT NOT NULL,
    published_by TEXT,
    published_ms BIGINT NOT NULL
);
