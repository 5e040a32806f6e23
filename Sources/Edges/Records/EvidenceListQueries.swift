package import Kernel
package import Postgres

/// What a list of an evidence pack is asked with: bound when it is run, by name when it is shown to an auditor. So what the
/// manifest tells is the statement that was run, and not a second one beside it.
package struct EvidenceAsk: Sendable {
    fileprivate let tenant: SQL
    fileprivate let from: SQL
    fileprivate let to: SQL
    private let after: (Moment, AuditEntryID)?
    private let limit: SQL?

    /// One page of a list, from behind `after` on.
    package init(tenant: TenantID, from: Moment, to: Moment, after: (Moment, AuditEntryID)?, limit: Int) {
        self.tenant = "\(tenant)"
        self.from = "\(from)"
        self.to = "\(to)"
        self.after = after
        self.limit = "\(Int64(limit))"
    }

    private init() {
        (tenant, from, to, after, limit) = (":tenant", ":from", ":to", nil, nil)
    }

    /// As the manifest shows it: without the turning of pages, which leaves nothing out.
    package static let shown = EvidenceAsk()

    /// The end of a statement whose rows are taken page by page, in the order of a time and an id.
    fileprivate func page(_ at: SQL, _ id: SQL) -> SQL {
        let behind: SQL = after.map { "AND (\(at), \(id)) > (\($0.0), \($0.1))" } ?? ""
        let end: SQL = limit.map { "LIMIT \($0)" } ?? ""
        return "\(behind) ORDER BY \(at), \(id) \(end)"
    }

    /// The same in the order of ids alone.
    fileprivate func page(id: SQL) -> SQL {
        let behind: SQL = after.map { "AND \(id) > \($0.1)" } ?? ""
        let end: SQL = limit.map { "LIMIT \($0)" } ?? ""
        return "\(behind) ORDER BY \(id) \(end)"
    }

    /// The end of one that is taken at once.
    fileprivate var whole: SQL { limit.map { "LIMIT \($0)" } ?? "" }
}

/// The lists of the evidence packs, each column by the name that the pack gives it. A list that is taken page by page has
/// `cursor_at` and `cursor_id` beside them.
package enum EvidenceListQueries {
    /// Nil for a list that no statement reads.
    package static func list(_ pack: Int, _ name: String, _ ask: EvidenceAsk) -> (sql: SQL, isPaged: Bool)? {
        switch (pack, name) {
        case (1, "people"): (people(ask), false)
        case (2, "changes"): (peopleChanges(ask), false)
        case (2, "access"): (entries(ask, "AND a.action = ANY(\(unescaped: accessActs))"), true)
        case (3, "acts"): (entries(ask, "AND a.action = ANY(\(unescaped: powerfulActs))"), true)
        case (3, "outsiders"):
            (
                entries(
                    ask,
                    """
                    AND a.actor_kind = 'person' AND NOT EXISTS (SELECT 1 FROM person o
                        WHERE o.tenant_id = a.tenant_id AND o.id::text = a.actor_id)
                    """), true
            )
        case (5, "rulesets"): (rulesets(ask), false)
        case (5, "asked"):
            (entries(ask, "AND coalesce(jsonb_array_length(nullif(a.content -> 'dutyRules', 'null')), 0) > 0"), true)
        case (6, "versions"): (versions(ask), true)
        case (6, "applied"): (entries(ask, "AND a.action = 'configuration.applied'"), true)
        case (6, "contracts"): (contracts(ask), true)
        case (7, "transactions"): (transactions(ask), true)
        case (8, "signatures"): (signatures(ask), true)
        case (8, "delegations"): (delegations(ask), true)
        case (9, "failures"): (failures(ask), true)
        case (9, "documents"): (documents(ask), false)
        case (9, "runs"): (runs(ask), false)
        case (10, "incidents"): (incidents(ask), true)
        case (10, "clocks"): (clocks(ask), true)
        case (10, "corrections"): (corrections(ask), true)
        case (12, "machine-keys"): (machineKeys(ask), false)
        case (12, "connection-secrets"): (connectionSecrets(ask), false)
        case (12, "renewals"): (entries(ask, "AND a.action = ANY(\(unescaped: renewals))"), true)
        case (13, "checkpoints"): (checkpoints(ask), true)
        default: nil
        }
    }

    // MARK: Entries of the audit log

    private static let accessActs = """
        ARRAY['link.made', 'password.set', 'factor.added', 'factor.removed', 'recovery.renewed', 'recovery.used', 'sign-in.ended',
        'key.created', 'key.rotated', 'key.revoked', 'identity.linked', 'identity.unlinked', 'delegation.made',
        'delegation.revoked']
        """
    private static let powerfulActs = """
        ARRAY['configuration.applied', 'secret.set', 'link.made', 'factor.removed', 'key.created', 'key.rotated', 'key.revoked',
        'hold.placed', 'hold.released', 'stop.placed', 'stop.released', 'clock.corrected', 'clock.correction-asked',
        'operation.confirmed', 'run.rewound', 'run.cancelled', 'step.skipped-by-person', 'task.discarded', 'webhook.added',
        'webhook.changed', 'webhook.secret-renewed', 'brand.published', 'rollout.promoted', 'rollout.rolled-back',
        'guardrail.signed', 'records.removed', 'history.removed', 'evidence.asked', 'tenant.suspended', 'tenant.resumed',
        'credit.approved', 'credit.applied', 'credit.waived']
        """
    private static let renewals = """
        ARRAY['secret.set', 'key.created', 'key.rotated', 'key.revoked', 'webhook.added', 'webhook.secret-renewed',
        'heartbeat.made', 'heartbeat.rotated', 'heartbeat.ended', 'status.secret-renewed', 'status.address-renewed']
        """

    private static func entries(_ ask: EvidenceAsk, _ narrowed: SQL) -> SQL {
        """
        SELECT a.id::text AS "entry", a.at, a.actor_kind AS "actorKind", a.actor_id AS "actor", p.name AS "actorName",
            a.on_behalf_of::text AS "onBehalfOf", a.action, a.object_type AS "objectType", a.object_id AS "object",
            a.run_id::text AS "run", a.content AS "facts", a.at AS cursor_at, a.id AS cursor_id
        FROM audit_entry a LEFT JOIN person p ON p.tenant_id = a.tenant_id AND p.id::text = a.actor_id
        WHERE a.tenant_id = \(ask.tenant) AND a.at >= \(ask.from) AND a.at < \(ask.to) \(narrowed) \(ask.page("a.at", "a.id"))
        """
    }

    // MARK: People

    /// The people file in force is the last that an act of configuration brought into force.
    private static func people(_ ask: EvidenceAsk) -> SQL {
        """
        WITH last AS (
            SELECT e.at, split_part(w.item, '/people/', 2) AS file
            FROM audit_entry e, jsonb_array_elements_text((e.content -> 'published') || (e.content -> 'restored')) AS w(item)
            WHERE e.tenant_id = \(ask.tenant) AND e.action = 'configuration.applied' AND e.at <= \(ask.to)
              AND w.item LIKE '%/people/%'
            ORDER BY e.at DESC, e.id DESC LIMIT 1)
        SELECT f.one ->> 'id' AS "person", f.one ->> 'name' AS "name", f.one ->> 'email' AS "email",
            f.one ->> 'title' AS "title", f.one -> 'roles' AS "roles", f.one -> 'approvalLimit' AS "approvalLimit",
            a.name AS "file", a.version AS "fileVersion", last.at AS "inForceSince", p.created_at AS "firstNamedAt",
            p.state AS "stateNow"
        FROM last JOIN asset a ON a.tenant_id = \(ask.tenant) AND a.kind = 'people' AND a.name || '@' || a.version = last.file
        CROSS JOIN LATERAL jsonb_array_elements(a.content -> 'people') WITH ORDINALITY AS f(one, place)
        LEFT JOIN person p ON p.tenant_id = a.tenant_id AND p.slug = f.one ->> 'id'
        ORDER BY f.place \(ask.whole)
        """
    }

    /// Each version of the people file beside the one that was in force before it.
    private static func peopleChanges(_ ask: EvidenceAsk) -> SQL {
        """
        WITH brought AS (
            SELECT e.at, e.id, e.actor_id, split_part(w.item, '/people/', 2) AS file
            FROM audit_entry e, jsonb_array_elements_text((e.content -> 'published') || (e.content -> 'restored')) AS w(item)
            WHERE e.tenant_id = \(ask.tenant) AND e.action = 'configuration.applied' AND e.at < \(ask.to)
              AND w.item LIKE '%/people/%'),
        step AS (
            SELECT b.at, b.id, b.actor_id, a.name, a.version, a.content -> 'people' AS now,
                coalesce(lag(a.content -> 'people') OVER (ORDER BY b.at, b.id), '[]') AS before
            FROM brought b
            JOIN asset a ON a.tenant_id = \(ask.tenant) AND a.kind = 'people' AND a.name || '@' || a.version = b.file)
        SELECT s.at, CASE WHEN c.was IS NULL THEN 'joined' WHEN c.is IS NULL THEN 'left' ELSE 'changed' END AS "change",
            coalesce(c.is, c.was) ->> 'id' AS "person", coalesce(c.is, c.was) ->> 'name' AS "name",
            c.was -> 'roles' AS "rolesBefore", c.is -> 'roles' AS "rolesAfter", s.name AS "file", s.version AS "fileVersion",
            s.actor_id AS "publishedBy"
        FROM step s CROSS JOIN LATERAL (
            SELECT n.one AS is, b.one AS was FROM jsonb_array_elements(s.now) AS n(one)
            FULL JOIN jsonb_array_elements(s.before) AS b(one) ON n.one ->> 'id' = b.one ->> 'id'
            WHERE n.one IS DISTINCT FROM b.one) AS c
        WHERE s.at >= \(ask.from) ORDER BY s.at, s.id, "person" \(ask.whole)
        """
    }

    private static func machineKeys(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT k.key_id AS "key", k.name, p.slug AS "person", k.environment, to_jsonb(k.roles) AS "roles",
            k.created_at AS "madeAt", k.expires_at AS "expiresAt", k.used_at AS "usedAt", k.revoked_at AS "revokedAt"
        FROM api_key k JOIN person p ON p.tenant_id = k.tenant_id AND p.id = k.person_id
        WHERE k.tenant_id = \(ask.tenant) AND k.created_at < \(ask.to) ORDER BY k.created_at, k.id \(ask.whole)
        """
    }

    private static func connectionSecrets(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT c.name, c.version::bigint AS "version", c.fingerprint, c.set_at AS "setAt" FROM connection_secret c
        WHERE c.tenant_id = \(ask.tenant) ORDER BY c.name \(ask.whole)
        """
    }

    // MARK: Rules and versions

    private static func rulesets(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT a.content ->> 'dutyPolicy' AS "ruleset", count(*) AS "decisions", min(a.at) AS "first", max(a.at) AS "last"
        FROM audit_entry a
        WHERE a.tenant_id = \(ask.tenant) AND a.at >= \(ask.from) AND a.at < \(ask.to) AND a.content ->> 'dutyPolicy' IS NOT NULL
        GROUP BY 1 ORDER BY 1 \(ask.whole)
        """
    }

    private static func versions(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT a.published_at AS "at", a.kind, a.name, a.version, encode(a.content_hash, 'hex') AS "sha256",
            a.published_by::text AS "publishedBy",
            EXISTS (SELECT 1 FROM asset_current c WHERE c.tenant_id = a.tenant_id AND c.asset_id = a.id
                AND c.retired_at IS NULL) AS "isCurrent", a.published_at AS cursor_at, a.id AS cursor_id
        FROM asset a WHERE a.tenant_id = \(ask.tenant) AND a.published_at >= \(ask.from) AND a.published_at < \(ask.to)
        \(ask.page("a.published_at", "a.id"))
        """
    }

    private static func contracts(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT c.drafted_at AS "at", c.name, c.version, c.hash AS "sha256", c.phase, c.drafted_by::text AS "draftedBy",
            c.submitted_by::text AS "submittedBy", c.submitted_at AS "submittedAt", c.signatures, c.rejection,
            c.drafted_at AS cursor_at, c.asset_id AS cursor_id
        FROM contract_version c
        WHERE c.tenant_id = \(ask.tenant) AND c.drafted_at >= \(ask.from) AND c.drafted_at < \(ask.to)
        \(ask.page("c.drafted_at", "c.asset_id"))
        """
    }

    // MARK: Work

    private static func transactions(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT r.id::text AS "run", r.subject, r.counterparty, r.amount_minor::text AS "amountMinorUnits", r.currency,
            r.workflow, r.workflow_version AS "workflowVersion", r.pinned, r.phase, r.outcome, r.started_at AS "startedAt",
            r.finished_at AS "finishedAt", r.started_at AS cursor_at, r.id AS cursor_id
        FROM run r WHERE r.tenant_id = \(ask.tenant) AND r.started_at >= \(ask.from) AND r.started_at < \(ask.to)
        \(ask.page("r.started_at", "r.id"))
        """
    }

    private static func signatures(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT a.id::text AS "entry", a.at, a.run_id::text AS "run", a.action, a.actor_id AS "person", p.name,
            a.on_behalf_of::text AS "onBehalfOf", a.content ->> 'role' AS "role", a.content ->> 'verdict' AS "verdict",
            a.content ->> 'reason' AS "reason", a.content ->> 'title' AS "title", r.amount_minor::text AS "amountMinorUnits",
            r.currency, a.content ->> 'objectHash' AS "objectHash", a.content ->> 'dutyPolicy' AS "dutyPolicy",
            a.content -> 'dutyRules' AS "dutyRules", a.content ->> 'hash' AS "receiptHash",
            a.content ->> 'delegation' AS "delegation",
            p.roles -> 'approvalLimit' AS "limitNow", a.at AS cursor_at, a.id AS cursor_id
        FROM audit_entry a LEFT JOIN person p ON p.tenant_id = a.tenant_id AND p.id::text = a.actor_id
        LEFT JOIN run r ON r.tenant_id = a.tenant_id AND r.id = a.run_id
        WHERE a.tenant_id = \(ask.tenant) AND a.at >= \(ask.from) AND a.at < \(ask.to) AND a.content ->> 'verdict' IS NOT NULL
        \(ask.page("a.at", "a.id"))
        """
    }

    private static func delegations(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT d.id::text AS "delegation", d.made_at AS "at", d.giver::text AS "giver", g.name AS "giverName",
            d.deputy::text AS "deputy", q.name AS "deputyName", d.starts_at AS "startsAt", d.ends_at AS "endsAt",
            to_jsonb(d.workflows) AS "workflows", d.cap_minor::text AS "capMinorUnits", d.cap_currency AS "capCurrency",
            d.reason, d.made_by::text AS "madeBy", d.revoked_at AS "revokedAt", d.revoked_by::text AS "revokedBy",
            d.made_at AS cursor_at, d.id AS cursor_id
        FROM delegation d LEFT JOIN person g ON g.tenant_id = d.tenant_id AND g.id = d.giver
        LEFT JOIN person q ON q.tenant_id = d.tenant_id AND q.id = d.deputy
        WHERE d.tenant_id = \(ask.tenant) AND d.starts_at < \(ask.to) AND coalesce(d.revoked_at, d.ends_at) > \(ask.from)
        \(ask.page("d.made_at", "d.id"))
        """
    }

    private static func failures(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT t.id::text AS "task", t.created_at AS "at", t.kind, t.connection, t.state, t.outcome,
            t.attempts_used::bigint AS "attempts", t.last_error AS "error", t.run_id::text AS "run",
            t.finished_at AS "endedAt", t.created_at AS cursor_at, t.id AS cursor_id
        FROM task t WHERE t.tenant_id = \(ask.tenant) AND t.class = 'worker' AND t.created_at >= \(ask.from)
          AND t.created_at < \(ask.to) AND (t.state = 'dead' OR t.last_error IS NOT NULL) \(ask.page("t.created_at", "t.id"))
        """
    }

    private static func documents(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT d.channel, d.state, count(*) AS "documents", count(d.run_id) AS "withRun" FROM document d
        WHERE d.tenant_id = \(ask.tenant) AND d.received_at >= \(ask.from) AND d.received_at < \(ask.to)
        GROUP BY 1, 2 ORDER BY 1, 2 \(ask.whole)
        """
    }

    private static func runs(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT r.workflow, r.phase, r.outcome, r.currency, count(*) AS "runs", sum(r.amount_minor)::text AS "sumMinorUnits"
        FROM run r WHERE r.tenant_id = \(ask.tenant) AND r.started_at >= \(ask.from) AND r.started_at < \(ask.to)
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 \(ask.whole)
        """
    }

    // MARK: Service

    private static func incidents(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT i.number, i.alert, i.severity, i.state, i.occurrences::bigint AS "occurrences", i.opened_at AS "openedAt",
            i.acknowledged_at AS "acknowledgedAt", i.acknowledged_by::text AS "acknowledgedBy", i.resolved_at AS "resolvedAt",
            i.resolved_by::text AS "resolvedBy", i.opened_at AS cursor_at, i.id AS cursor_id
        FROM incident i WHERE i.tenant_id = \(ask.tenant) AND i.opened_at >= \(ask.from) AND i.opened_at < \(ask.to)
        \(ask.page("i.opened_at", "i.id"))
        """
    }

    private static func clocks(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT c.id::text AS "clock", c.run_id::text AS "run", c.objective, c.contract_version AS "contractVersion",
            c.target_seconds AS "targetSeconds", c.elapsed_seconds AS "elapsedSeconds", c.outcome, c.started_at AS "startedAt",
            c.due_at AS "dueAt", c.breached_at AS "breachedAt", c.stopped_at AS "stoppedAt", c.started_at AS cursor_at,
            c.id AS cursor_id
        FROM clock c WHERE c.tenant_id = \(ask.tenant) AND c.started_at >= \(ask.from) AND c.started_at < \(ask.to)
        \(ask.page("c.started_at", "c.id"))
        """
    }

    private static func corrections(_ ask: EvidenceAsk) -> SQL {
        """
        SELECT c.asked_at AS "at", c.clock_id::text AS "clock", c.state, c.reason, c.asked_by::text AS "askedBy",
            c.settled_by::text AS "settledBy", c.settled_at AS "settledAt", c.asked_at AS cursor_at, c.id AS cursor_id
        FROM clock_correction c
        WHERE c.tenant_id = \(ask.tenant) AND c.asked_at >= \(ask.from) AND c.asked_at < \(ask.to)
        \(ask.page("c.asked_at", "c.id"))
        """
    }

    /// Checkpoints have sizes and no ids, so a size is written as one for the turning of pages.
    private static func checkpoints(_ ask: EvidenceAsk) -> SQL {
        let id: SQL = "('00000000-0000-0000-0000-' || lpad(to_hex(k.size), 12, '0'))::uuid"
        return """
            SELECT k.size AS "entries", encode(k.root, 'base64') AS "root", k.at, k.published_at AS "publishedAt",
                k.at AS cursor_at, \(id) AS cursor_id
            FROM audit_checkpoint k WHERE k.tenant_id = \(ask.tenant) AND k.at >= \(ask.from) AND k.at < \(ask.to)
            \(ask.page(id: id))
            """
    }
}
