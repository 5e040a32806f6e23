-- A suspended tenant keeps all that is its own and does nothing: its people are not let in, and its work is stopped as by hand,
-- only that no runbook and no engineer lets it go on.
ALTER TABLE work_stop DROP CONSTRAINT work_stop_kind_check;
ALTER TABLE work_stop ADD CONSTRAINT work_stop_kind_check CHECK (kind IN ('tenant', 'worker', 'connection', 'suspension'));
