-- The engine writes a run's state with every step, and PostgreSQL's own compression is a large part of that. LZ4 costs a fraction
-- and packs nearly as well; a server that was built without it keeps its own. Values already stored stay as they are.
DO $$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT * FROM (VALUES ('run', 'state'), ('run', 'pinned'), ('history', 'data'), ('task', 'request'),
            ('task', 'progress'), ('command', 'payload'), ('command', 'answer'), ('clock', 'events'),
            ('audit_entry', 'content'), ('outbox', 'facts'), ('invoice', 'content'), ('invoice', 'findings'),
            ('asset', 'content')) AS place(relation, attribute)
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET COMPRESSION lz4', place.relation, place.attribute);
    END LOOP;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
    RAISE NOTICE 'this server has no LZ4; values are compressed as before';
END $$;
