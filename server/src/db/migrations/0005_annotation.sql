-- What people are asked to rate, and what they said. Ids are random where annotators see them.
CREATE TABLE projects (
    id TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    -- single or pairs.
    kind TEXT NOT NULL,
    -- draft, open, paused, closed.
    state TEXT NOT NULL,
    -- datasets::annotation::ProjectSpec as JSON, its seed filled in.
    spec TEXT NOT NULL,
    -- SHA-256 of the spec, of the rubric, and of the answers' files that items were made from, as JSON.
    hashes TEXT NOT NULL,
    made_by TEXT,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    -- Written first by each transaction that hands out or keeps: its row's lock puts them in a row.
    touched BIGINT NOT NULL DEFAULT 0
);

-- Runs that annotators of an open project must not see.
CREATE TABLE project_runs (
    project TEXT NOT NULL REFERENCES projects (id),
    run_id TEXT NOT NULL,
    PRIMARY KEY (project, run_id)
);

CREATE TABLE items (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    position BIGINT NOT NULL,
    -- main, training, gold, attention.
    kind TEXT NOT NULL,
    -- datasets::annotation::Item as JSON.
    content TEXT NOT NULL,
    -- Ratings that count towards the overlap (last revisions that are no skips, no repeats).
    rated BIGINT NOT NULL DEFAULT 0,
    -- The adjudicated rating, as JSON: {"score"} or {"choice"}, with "note", "by", "at_ms".
    settled TEXT
);

CREATE INDEX items_by_project ON items (project, kind, position);
-- Answers how far a project is without a look at the items' texts.
CREATE INDEX items_by_ratings ON items (project, kind, rated, id);

CREATE TABLE members (
    project TEXT NOT NULL REFERENCES projects (id),
    person TEXT NOT NULL REFERENCES people (id),
    joined_ms BIGINT NOT NULL,
    consented_ms BIGINT,
    -- The consent's SHA-256, so that it is known what was agreed to.
    consent_hash TEXT,
    qualified_ms BIGINT,
    refused_ms BIGINT,
    paused_ms BIGINT,
    withdrawn_ms BIGINT,
    PRIMARY KEY (project, person)
);

-- An item handed to a person; at most one of a person and item but for repeats.
CREATE TABLE assignments (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    item TEXT NOT NULL REFERENCES items (id),
    person TEXT NOT NULL REFERENCES people (id),
    -- 0, or 1 where the person rated the item before.
    is_repeat BIGINT NOT NULL,
    -- 1: the first rationale stands on the left. Follows from the project's seed, item and person.
    first_left BIGINT NOT NULL,
    -- The person's own order.
    turn BIGINT NOT NULL,
    handed_ms BIGINT NOT NULL,
    lease_ends_ms BIGINT NOT NULL,
    -- Last revision kept; 0: none yet.
    revisions BIGINT NOT NULL DEFAULT 0,
    -- leased, rated, skipped, released.
    state TEXT NOT NULL,
    UNIQUE (item, person, is_repeat)
);

CREATE INDEX assignments_by_person ON assignments (project, person, state, turn);
CREATE INDEX assignments_by_item ON assignments (item, state);
-- Leases, those that end first.
CREATE INDEX assignments_by_lease ON assignments (project, state, lease_ends_ms);

-- Every word that was acknowledged. Grows only, but for those who withdraw with their ratings.
CREATE TABLE ratings (
    -- The attempt's key, made by the annotator's browser (UUID): one key is kept once.
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    assignment TEXT NOT NULL REFERENCES assignments (id),
    item TEXT NOT NULL REFERENCES items (id),
    person TEXT NOT NULL REFERENCES people (id),
    revision BIGINT NOT NULL,
    -- datasets::annotation::RatingRequest as JSON, as it came.
    said TEXT NOT NULL,
    saved_ms BIGINT NOT NULL,
    -- 1: the lease had ended before it came.
    was_late BIGINT NOT NULL,
    UNIQUE (assignment, revision)
);

CREATE INDEX ratings_by_project ON ratings (project, saved_ms);

-- What else happened: handed out, released, expired, paused, consented, qualified, settled, sides' seed.
CREATE TABLE annotation_events (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    person TEXT,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);

CREATE INDEX annotation_events_by_project ON annotation_events (project, id);
