-- What names people or their work and has served its time goes as well: sign-ins that ended, links that nobody can use any more,
-- comparisons of versions, operations on many runs, acts under guardrails. The keeper sees when they ended, and not what they say.

CREATE INDEX shadow_comparison_age ON shadow_comparison (tenant_id, at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['session', 'sign_in_link', 'shadow_comparison', 'operation', 'operation_item', 'guardrail_act'] LOOP
        EXECUTE format('CREATE POLICY keeper ON %I FOR ALL TO countersign_keeper USING (true)', name);
        EXECUTE format('GRANT DELETE ON %I TO countersign_keeper', name);
    END LOOP;
END $$;

GRANT SELECT (tenant_id, id, ended_at, expires_at) ON session TO countersign_keeper;
GRANT SELECT (tenant_id, id, used_at, expires_at) ON sign_in_link TO countersign_keeper;
GRANT SELECT (tenant_id, run_id, at) ON shadow_comparison TO countersign_keeper;
GRANT SELECT (tenant_id, id, made_at) ON operation TO countersign_keeper;
GRANT SELECT (tenant_id, operation_id, run_id) ON operation_item TO countersign_keeper;
GRANT SELECT (tenant_id, id, run_id, at) ON guardrail_act TO countersign_keeper;
