package import Kernel
package import Postgres

/// Monthly reports, their attached data and their deliveries.
package enum ReportQueries {
    /// First number of the advisory lock under which reports of one tenant get their numbers.
    private static let lockClass: Int32 = 4720

    /// Numbers are given one after the other, so that none is ever left out.
    package static func numbering(tenant: TenantID) -> SQL {
        "SELECT pg_advisory_xact_lock(\(lockClass), hashtext(\(tenant.text)))"
    }

    package static func lastNumber(tenant: TenantID) -> SQL {
        "SELECT coalesce(max(number), 0) AS number FROM sla_report WHERE tenant_id = \(tenant)"
    }

    package static func insert(_ row: SLAReportRow) -> SQL {
        """
        INSERT INTO sla_report (tenant_id, id, queue_lane, number, revision, contract_asset, contract, contract_version, month,
                                language, phase, authors, terms, tally, data_hash, texts, reason, drafted_by, drafted_at)
        VALUES (\(row.tenant), \(row.id), \(row.lane), \(row.number), \(row.revision), \(row.contractAsset), \(row.contract),
                \(row.contractVersion), \(row.month), \(row.language), \(row.phase), \(row.authors), \(row.terms), \(row.tally),
                \(row.dataHash), \(row.texts), \(optional: row.reason), \(optional: row.draftedBy), \(row.draftedAt))
        """
    }

    package static func find(tenant: TenantID, id: SLAReportID) -> SQL {
        "SELECT * FROM sla_report WHERE tenant_id = \(tenant) AND id = \(id)"
    }

    package static func lock(tenant: TenantID, id: SLAReportID) -> SQL {
        "SELECT * FROM sla_report WHERE tenant_id = \(tenant) AND id = \(id) FOR UPDATE"
    }

    /// Every revision of one contract version and month, the newest first.
    package static func revisions(tenant: TenantID, contract: AssetID, month: String) -> SQL {
        """
        SELECT * FROM sla_report WHERE tenant_id = \(tenant) AND contract_asset = \(contract) AND month = \(month)
        ORDER BY revision DESC LIMIT 100
        """
    }

    /// In short, the newest month first; a page ends before `before`.
    package static func page(tenant: TenantID, before: (month: String, id: SLAReportID)?, limit: Int) -> SQL {
        let older: SQL = before.map { "AND (month, id) < (\($0.month), \($0.id))" } ?? ""
        return """
            SELECT \(standing) FROM sla_report WHERE tenant_id = \(tenant) \(older) ORDER BY month DESC, id DESC LIMIT \(limit)
            """
    }

    private static let standing: SQL = """
        tenant_id, id, number, revision, contract, contract_version, month, phase, standing, signed_at, sent_at
        """

    /// The latest revisions of one month over all tenants; asked as report, which sees no more of them.
    package static func portfolio(month: String, limit: Int) -> SQL {
        """
        SELECT \(standing) FROM (
            SELECT \(standing), max(revision) OVER (PARTITION BY tenant_id, number) AS latest FROM sla_report
            WHERE month = \(month)) each
        WHERE revision = latest ORDER BY tenant_id, number LIMIT \(limit)
        """
    }

    /// Signed documents of earlier months of a contract by its name, the latest revision of each, the newest month first.
    package static func earlier(tenant: TenantID, contract: String, before month: String, since first: String) -> SQL {
        """
        SELECT document FROM (
            SELECT document, month, number, revision, max(revision) OVER (PARTITION BY number) AS latest FROM sla_report
            WHERE tenant_id = \(tenant) AND contract = \(contract) AND month < \(month) AND month >= \(first)
              AND document IS NOT NULL) each
        WHERE revision = latest ORDER BY month DESC, number DESC LIMIT 24
        """
    }

    // MARK: Building

    /// Versions of contracts by which clocks ran that were decided in the time, or had not been decided at its end.
    package static func contracts(tenant: TenantID, from: Moment, to: Moment) -> SQL {
        """
        (SELECT DISTINCT contract_asset FROM clock
         WHERE tenant_id = \(tenant) AND started_at < \(to)
           AND (breached_at >= \(from) OR (breached_at IS NULL AND (stopped_at IS NULL OR stopped_at >= \(from)))) LIMIT 50)
        UNION
        (SELECT DISTINCT contract_asset FROM judged_run
         WHERE tenant_id = \(tenant) AND judged_at >= \(from) AND judged_at < \(to) LIMIT 50)
        """
    }

    /// Whether the tenant had any clock before the end of a month (`begun`), and whether one whose target was used up by then
    /// waits for its lane (`undecided`).
    package static func readiness(tenant: TenantID, end: Moment) -> SQL {
        """
        SELECT EXISTS (SELECT FROM clock WHERE tenant_id = \(tenant) AND started_at < \(end))
                OR EXISTS (SELECT FROM judged_run WHERE tenant_id = \(tenant) AND judged_at < \(end)) AS begun,
            EXISTS (SELECT FROM clock WHERE tenant_id = \(tenant) AND stopped_at IS NULL AND outcome = 'open'
                    AND state = 'running' AND due_at < \(end)) AS undecided
        """
    }

    package static func clockCount(tenant: TenantID, before end: Moment) -> SQL {
        "SELECT count(*) AS n FROM clock WHERE tenant_id = \(tenant) AND started_at < \(end)"
    }

    /// How far the next page of clocks reaches, and how many it has: clocks are looked at in the order of their ids, which
    /// nothing that happens to them changes, so none is counted twice however long the build takes.
    package static func frontier(tenant: TenantID, after clock: ClockID?, limit: Int) -> SQL {
        let later: SQL = clock.map { "AND id > \($0)" } ?? ""
        return """
            SELECT count(*) AS n, (array_agg(id ORDER BY id DESC))[1] AS last FROM (
                SELECT id FROM clock WHERE tenant_id = \(tenant) \(later) ORDER BY id LIMIT \(limit)) page
            """
    }

    /// Those of the page that can say something about the month.
    package static func clocks(
        tenant: TenantID, contract: AssetID, after clock: ClockID?, through last: ClockID, from: Moment, to: Moment
    ) -> SQL {
        let later: SQL = clock.map { "AND c.id > \($0)" } ?? ""
        return """
            SELECT c.id, c.run_id, c.onboarding_id, i.number AS incident_number, c.objective, c.calendar_asset, c.events,
                c.breached_at
            FROM clock c LEFT JOIN incident i ON i.tenant_id = c.tenant_id AND i.id = c.incident_id
            WHERE c.tenant_id = \(tenant) \(later) AND c.id <= \(last) AND c.contract_asset = \(contract)
              AND c.started_at < \(to)
              AND (c.stopped_at IS NULL OR c.stopped_at >= \(from) OR c.breached_at >= \(from))
            ORDER BY c.id
            """
    }

    /// Incidents that touch the time, in their order; those that are one trouble once.
    package static func incidents(tenant: TenantID, from: Moment, to: Moment, after number: Int64, limit: Int) -> SQL {
        """
        SELECT number, alert, severity, \(IncidentQueries.begun), resolved_at FROM incident i
        WHERE tenant_id = \(tenant) AND merged_into IS NULL AND i.opened_at < \(to)
          AND (resolved_at IS NULL OR resolved_at >= \(from)) AND number > \(number)
        ORDER BY number LIMIT \(limit)
        """
    }

    package static func putChunk(tenant: TenantID, report: SLAReportID, seq: Int32, lines: Int32, content: String) -> SQL {
        """
        INSERT INTO sla_report_chunk (tenant_id, report_id, seq, lines, content)
        VALUES (\(tenant), \(report), \(seq), \(lines), \(content))
        """
    }

    package static func chunk(tenant: TenantID, report: SLAReportID, seq: Int32) -> SQL {
        "SELECT content FROM sla_report_chunk WHERE tenant_id = \(tenant) AND report_id = \(report) AND seq = \(seq)"
    }

    /// Where the build stands after a page; no row when another build has gone on meanwhile.
    package static func advance(_ row: SLAReportRow, from seen: Int64) -> SQL {
        """
        UPDATE sla_report SET clocks_seen = \(row.clocksSeen), clocks_total = \(row.clocksTotal),
            last_clock = \(optional: row.lastClock), last_run = \(optional: row.lastRun),
            calendars = \(row.calendars), tally = \(row.tally),
            data_hash = \(row.dataHash), data_lines = \(row.dataLines), data_chunks = \(row.dataChunks)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id) AND phase = 'building' AND clocks_seen = \(seen) RETURNING id
        """
    }

    // MARK: States

    /// Stores what a step has changed; the caller holds the row.
    package static func update(_ row: SLAReportRow) -> SQL {
        """
        UPDATE sla_report SET phase = \(row.phase), authors = \(row.authors), incidents = \(row.incidents),
            trend = \(row.trend), data_hash = \(row.dataHash), data_lines = \(row.dataLines), data_chunks = \(row.dataChunks),
            built_at = \(optional: row.builtAt), texts = \(row.texts), standing = \(row.standing),
            document = \(optional: row.document), document_hash = \(optional: row.documentHash),
            changes = \(optional: row.changes),
            submitted_by = \(optional: row.submittedBy), submitted_at = \(optional: row.submittedAt),
            signed_by = \(optional: row.signedBy), signed_name = \(optional: row.signedName),
            signed_at = \(optional: row.signedAt), sent_by = \(optional: row.sentBy), sent_at = \(optional: row.sentAt),
            archived_at = \(optional: row.archivedAt)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id)
        """
    }

    // MARK: Deliveries

    package static func insert(_ row: ReportDeliveryRow) -> SQL {
        """
        INSERT INTO sla_report_delivery (tenant_id, id, report_id, address, state, decided_at)
        VALUES (\(row.tenant), \(row.id), \(row.report), \(row.address), \(row.state), \(row.decidedAt))
        """
    }

    package static func deliveries(tenant: TenantID, report: SLAReportID) -> SQL {
        """
        SELECT * FROM sla_report_delivery WHERE tenant_id = \(tenant) AND report_id = \(report)
        ORDER BY decided_at DESC, id DESC LIMIT 200
        """
    }

    package static func lockDelivery(tenant: TenantID, id: ReportDeliveryID) -> SQL {
        "SELECT * FROM sla_report_delivery WHERE tenant_id = \(tenant) AND id = \(id) FOR UPDATE"
    }

    package static func settle(_ row: ReportDeliveryRow) -> SQL {
        """
        UPDATE sla_report_delivery SET state = \(row.state), attempts_used = \(row.attemptsUsed),
            ended_at = \(optional: row.endedAt)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id)
        """
    }

    package static func insertAttempt(_ row: ReportAttemptRow) -> SQL {
        """
        INSERT INTO sla_report_attempt (tenant_id, delivery_id, attempt, at, outcome, answer, milliseconds)
        VALUES (\(row.tenant), \(row.delivery), \(row.attempt), \(row.at), \(row.outcome), \(row.answer), \(row.milliseconds))
        """
    }

    package static func attempts(tenant: TenantID, deliveries: [ReportDeliveryID]) -> SQL {
        """
        SELECT * FROM sla_report_attempt WHERE tenant_id = \(tenant) AND delivery_id = ANY(\(deliveries))
        ORDER BY delivery_id, attempt LIMIT 2000
        """
    }

    // MARK: The queue

    package static func enqueue(
        lane: Int32, tenant: TenantID, report: SLAReportID, delivery: ReportDeliveryID? = nil, at due: Moment
    ) -> SQL {
        """
        INSERT INTO queue.report (lane, due_at, tenant_id, report_id, delivery_id)
        VALUES (\(lane), \(due), \(tenant), \(report), \(optional: delivery))
        """
    }

    /// Takes what is due, tenants in turn, and hides it until `until`: who took it may die.
    package static func claim(now: Moment, until: Moment, limit: Int) -> SQL {
        """
        UPDATE queue.report q SET due_at = \(until) FROM (
            SELECT lane, id FROM (
                SELECT lane, id, due_at, row_number() OVER (PARTITION BY tenant_id ORDER BY due_at, id) AS place
                FROM queue.report WHERE due_at <= \(now)) waiting
            ORDER BY place, due_at, id LIMIT \(limit)) taken
        WHERE q.lane = taken.lane AND q.id = taken.id AND q.due_at <= \(now)
        RETURNING q.lane, q.id, q.tenant_id, q.report_id, q.delivery_id
        """
    }

    package static func hide(lane: Int32, id: Int64, until: Moment) -> SQL {
        "UPDATE queue.report SET due_at = \(until) WHERE lane = \(lane) AND id = \(id)"
    }

    package static func dequeue(lane: Int32, id: Int64) -> SQL {
        "DELETE FROM queue.report WHERE lane = \(lane) AND id = \(id)"
    }
}
