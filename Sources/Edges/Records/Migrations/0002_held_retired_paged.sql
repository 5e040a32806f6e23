-- A run that cannot be taken further for want of its pinned configuration is held: seen as such, and tried again.
ALTER TABLE run DROP CONSTRAINT run_phase_check;
ALTER TABLE run ADD CONSTRAINT run_phase_check
    CHECK (phase IN ('pending', 'running', 'waiting', 'held', 'completed', 'faulted', 'cancelled'));

-- What was removed from the folder is retired: its versions stay for those that are pinned to them, and nothing new finds it.
ALTER TABLE asset_current ADD COLUMN retired_at timestamptz;

-- Incidents wake up too: the next level of an escalation, an acknowledgement that lapses.
ALTER TABLE queue.timer DROP CONSTRAINT timer_subject_check;
ALTER TABLE queue.timer ADD CONSTRAINT timer_subject_check CHECK (subject IN ('run', 'task', 'lease', 'clock', 'incident'));
