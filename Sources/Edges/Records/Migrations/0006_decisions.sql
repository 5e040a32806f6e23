-- A new version of a policy is replayed over what that policy decided before; a tenant's other entries are many times as many.
CREATE INDEX audit_policy ON audit_entry (tenant_id, (content -> 'receipt' ->> 'policy'), at, id)
    WHERE action IN ('policy.decided', 'match.decided');
