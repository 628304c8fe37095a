-- The stage after which a job stops; `run` is the whole pipeline.
ALTER TABLE jobs ADD COLUMN stage TEXT NOT NULL DEFAULT 'run';
