-- Servers that run lanes on this database, so that each takes its share and no more.

CREATE TABLE queue.replica (
    owner text PRIMARY KEY,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON queue.replica TO countersign_engine;
