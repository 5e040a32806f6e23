-- A task changes its state several times, and an index that asks for one of them keeps each change from being made in place. What
-- the list of dead letters asks for has a column of its own, which changes only for those.
ALTER TABLE task ADD COLUMN is_dead boolean NOT NULL GENERATED ALWAYS AS (state = 'dead') STORED;
DROP INDEX task_dead;
CREATE INDEX task_dead ON task (tenant_id, created_at, id) WHERE is_dead;
