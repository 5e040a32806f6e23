-- Taking ready work reads the queue alone: it says of what kind each task is and what it goes through.

ALTER TABLE queue.ready ADD COLUMN kind text, ADD COLUMN connection text;
-- The owner is bound by the tenants' policies like everybody else, and this reads all tenants' tasks.
ALTER TABLE task NO FORCE ROW LEVEL SECURITY;
UPDATE queue.ready r SET kind = k.kind, connection = k.connection FROM task k WHERE k.tenant_id = r.tenant_id AND k.id = r.task_id;
ALTER TABLE task FORCE ROW LEVEL SECURITY;
ALTER TABLE queue.ready ALTER COLUMN kind SET NOT NULL;
