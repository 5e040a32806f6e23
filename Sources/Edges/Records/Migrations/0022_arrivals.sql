-- What begins new work waits by tenant, beside what goes on with work that has begun. So a flood of arrivals keeps neither the
-- tenant's own runs nor those of others in its lane waiting, and tenants take turns.
ALTER TABLE queue.command ADD COLUMN begins boolean NOT NULL DEFAULT false;
CREATE INDEX command_going_on ON queue.command (lane, id) WHERE NOT begins;
CREATE INDEX command_beginning ON queue.command (lane, tenant_id, id) WHERE begins;
