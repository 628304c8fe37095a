-- What people note of runs. It stands nowhere else: not to be emptied.
CREATE TABLE run_labels (
    -- The run's directory, and its id when it was last noted: a run that was moved is known by its id.
    directory TEXT NOT NULL PRIMARY KEY,
    run_id TEXT NOT NULL,
    -- A JSON array of texts.
    tags TEXT NOT NULL,
    note TEXT NOT NULL,
    -- Grows with every change, whichever server makes it.
    changed_ms BIGINT NOT NULL
);

CREATE INDEX run_labels_by_change ON run_labels (changed_ms);
