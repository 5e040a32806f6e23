-- A person may pause a run; it is seen as such, and takes no step until a person resumes it.
ALTER TABLE run DROP CONSTRAINT run_phase_check;
ALTER TABLE run ADD CONSTRAINT run_phase_check
    CHECK (phase IN ('pending', 'running', 'waiting', 'held', 'paused', 'completed', 'faulted', 'cancelled'));
