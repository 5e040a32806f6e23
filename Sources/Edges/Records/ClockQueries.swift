package import Kernel
package import Postgres

/// What a clock is about.
package enum ClockSubject: Hashable, Sendable {
    case run(RunID)
    case incident(IncidentID)
    /// The setting up of a tenant.
    case onboarding(AnyID)

    package var run: RunID? { if case .run(let id) = self { id } else { nil } }
    package var incident: IncidentID? { if case .incident(let id) = self { id } else { nil } }
    package var onboarding: AnyID? { if case .onboarding(let id) = self { id } else { nil } }

    /// Nil for a row that names none.
    init?(run: RunID?, incident: IncidentID?, onboarding: AnyID?) {
        if let run {
            self = .run(run)
        } else if let incident {
            self = .incident(incident)
        } else if let onboarding {
            self = .onboarding(onboarding)
        } else {
            return nil
        }
    }

    package init(_ row: Row) throws {
        let found = ClockSubject(
            run: try row.get("run_id", as: RunID?.self), incident: try row.get("incident_id", as: IncidentID?.self),
            onboarding: try row.get("onboarding_id", as: AnyID?.self))
        // A check of the table keeps it so.
        guard let found else { preconditionFailure("a clock of nothing") }
        self = found
    }

    /// One member, named after what it is.
    package var json: JSONValue {
        switch self {
        case .run(let id): ["run": JSONValue(id)]
        case .incident(let id): ["incident": JSONValue(id)]
        case .onboarding(let id): ["onboarding": JSONValue(id)]
        }
    }

    /// Reads what `json` writes.
    package init?(json: JSONValue?) {
        self.init(
            run: json?["run"]?.string.flatMap { RunID($0) }, incident: json?["incident"]?.string.flatMap { IncidentID($0) },
            onboarding: json?["onboarding"]?.string.flatMap { AnyID($0) })
    }
}

/// An SLA clock: its events are the truth, the rest is what they evaluate to and can be computed again.
package struct ClockRow: Sendable {
    package let tenant: TenantID
    package let id: ClockID
    package let lane: Int32
    package let subject: ClockSubject
    package let objective: String
    package let contractAsset: AssetID
    package let contractVersion: String
    package let calendarAsset: AssetID
    package let zoneVersion: String
    package var targetSeconds: Int64
    package var events: JSONValue
    package var state: String
    package var outcome: String
    package var elapsedSeconds: Int64
    package let startedAt: Moment
    package var dueAt: Moment?
    package var warnedAt: Moment?
    package var breachedAt: Moment?
    package var stoppedAt: Moment?

    /// Nil for a clock of something else.
    package var run: RunID? { subject.run }

    package init(
        tenant: TenantID, id: ClockID, lane: Int32, subject: ClockSubject, objective: String, contractAsset: AssetID,
        contractVersion: String, calendarAsset: AssetID, zoneVersion: String, targetSeconds: Int64, events: JSONValue,
        startedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.subject = subject
        self.objective = objective
        self.contractAsset = contractAsset
        self.contractVersion = contractVersion
        self.calendarAsset = calendarAsset
        self.zoneVersion = zoneVersion
        self.targetSeconds = targetSeconds
        self.events = events
        state = "running"
        outcome = "open"
        elapsedSeconds = 0
        self.startedAt = startedAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: ClockID.self)
        lane = try row.get("lane", as: Int32.self)
        subject = try ClockSubject(row)
        objective = try row.get("objective", as: String.self)
        contractAsset = try row.get("contract_asset", as: AssetID.self)
        contractVersion = try row.get("contract_version", as: String.self)
        calendarAsset = try row.get("calendar_asset", as: AssetID.self)
        zoneVersion = try row.get("zone_version", as: String.self)
        targetSeconds = try row.get("target_seconds", as: Int64.self)
        events = try row.get("events", as: JSONValue.self)
        state = try row.get("state", as: String.self)
        outcome = try row.get("outcome", as: String.self)
        elapsedSeconds = try row.get("elapsed_seconds", as: Int64.self)
        startedAt = try row.get("started_at", as: Moment.self)
        dueAt = try row.get("due_at", as: Moment?.self)
        warnedAt = try row.get("warned_at", as: Moment?.self)
        breachedAt = try row.get("breached_at", as: Moment?.self)
        stoppedAt = try row.get("stopped_at", as: Moment?.self)
    }
}

package enum ClockQueries {
    private static let columns: SQL = """
        c.tenant_id, c.id, c.lane, c.run_id, c.incident_id, c.onboarding_id, c.objective, c.contract_asset, c.contract_version,
        c.calendar_asset, c.zone_version, c.target_seconds, c.events, c.state, c.outcome, c.elapsed_seconds, c.started_at,
            c.due_at, c.warned_at,
            c.breached_at, c.stopped_at
        """

    /// The clocks of the runs named.
    package static func load(lane: Int32, tenants: [TenantID], runs: [RunID]) -> SQL {
        """
        SELECT c.* FROM unnest(\(tenants), \(runs)) AS wanted(tenant_id, run_id), LATERAL (
            SELECT \(columns) FROM clock c
            WHERE c.tenant_id = wanted.tenant_id AND c.run_id = wanted.run_id AND c.lane = \(lane) OFFSET 0) AS c
        """
    }

    /// What the clocks named are about.
    package static func subjects(lane: Int32, tenants: [TenantID], clocks: [ClockID]) -> SQL {
        """
        SELECT c.tenant_id, c.run_id, c.incident_id, c.onboarding_id FROM clock c
            JOIN unnest(\(tenants), \(clocks)) AS wanted(tenant_id, id) USING (tenant_id, id)
        WHERE c.lane = \(lane)
        """
    }

    /// The clocks of the incidents named, and of the settings up.
    package static func loadOthers(lane: Int32, tenants: [TenantID], incidents: [IncidentID], onboardings: [AnyID]) -> SQL {
        """
        SELECT \(columns) FROM clock c
        WHERE c.lane = \(lane) AND c.tenant_id = ANY(\(tenants))
          AND (c.incident_id = ANY(\(incidents)) OR c.onboarding_id = ANY(\(onboardings)))
        ORDER BY c.started_at, c.id
        """
    }

    package static func ofIncident(tenant: TenantID, incident: IncidentID) -> SQL {
        """
        SELECT \(columns) FROM clock c WHERE c.tenant_id = \(tenant) AND c.incident_id = \(incident)
        ORDER BY c.started_at, c.id
        """
    }

    package static func insert(_ clocks: [ClockRow]) -> SQL {
        """
        INSERT INTO clock (tenant_id, id, lane, run_id, incident_id, onboarding_id, objective, contract_asset, contract_version,
                           calendar_asset, zone_version, target_seconds, events, state, outcome, elapsed_seconds, started_at,
                               due_at, warned_at,
                               breached_at, stopped_at)
        SELECT * FROM unnest(\(clocks.map(\.tenant)), \(clocks.map(\.id)), \(clocks.map(\.lane)), \(clocks.map(\.run)),
            \(clocks.map(\.subject.incident)), \(clocks.map(\.subject.onboarding)), \(clocks.map(\.objective)),
            \(clocks.map(\.contractAsset)), \(clocks.map(\.contractVersion)),
                \(clocks.map(\.calendarAsset)),
            \(clocks.map(\.zoneVersion)), \(clocks.map(\.targetSeconds)), \(clocks.map(\.events)), \(clocks.map(\.state)),
            \(clocks.map(\.outcome)), \(clocks.map(\.elapsedSeconds)), \(clocks.map(\.startedAt)), \(clocks.map(\.dueAt)),
            \(clocks.map(\.warnedAt)), \(clocks.map(\.breachedAt)), \(clocks.map(\.stoppedAt)))
        """
    }

    package static func update(lane: Int32, _ clocks: [ClockRow]) -> SQL {
        """
        UPDATE clock c SET target_seconds = n.target_seconds, events = n.events, state = n.state, outcome = n.outcome,
                           elapsed_seconds = n.elapsed_seconds, due_at = n.due_at, warned_at = n.warned_at,
                           breached_at = n.breached_at, stopped_at = n.stopped_at
        FROM unnest(\(clocks.map(\.tenant)), \(clocks.map(\.id)), \(clocks.map(\.targetSeconds)), \(clocks.map(\.events)),
            \(clocks.map(\.state)), \(clocks.map(\.outcome)), \(clocks.map(\.elapsedSeconds)), \(clocks.map(\.dueAt)),
            \(clocks.map(\.warnedAt)), \(clocks.map(\.breachedAt)), \(clocks.map(\.stoppedAt)))
            AS n(tenant_id, id, target_seconds, events, state, outcome, elapsed_seconds, due_at, warned_at, breached_at,
                stopped_at)
        WHERE c.lane = \(lane) AND c.tenant_id = n.tenant_id AND c.id = n.id
        """
    }

    package static func ofRun(tenant: TenantID, run: RunID) -> SQL {
        "SELECT \(columns) FROM clock c WHERE c.tenant_id = \(tenant) AND c.run_id = \(run) ORDER BY c.started_at, c.id"
    }

    package static func ofRuns(tenant: TenantID, runs: [RunID]) -> SQL {
        "SELECT \(columns) FROM clock c WHERE c.tenant_id = \(tenant) AND c.run_id = ANY(\(runs)) ORDER BY c.started_at, c.id"
    }

    package static func find(tenant: TenantID, id: ClockID) -> SQL {
        "SELECT \(columns) FROM clock c WHERE c.tenant_id = \(tenant) AND c.id = \(id)"
    }

    /// One page of clocks, newest first; `outcome` nil means all.
    package static func page(tenant: TenantID, outcome: String?, before: (Moment, ClockID)?, limit: Int) -> SQL {
        let filter: SQL = outcome.map { "AND c.outcome = \($0)" } ?? ""
        let cursor: SQL = before.map { "AND (c.started_at, c.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns), r.subject, r.counterparty, i.number AS incident_number, i.title AS incident_title FROM clock c
                LEFT JOIN run r ON r.tenant_id = c.tenant_id AND r.id = c.run_id
                LEFT JOIN incident i ON i.tenant_id = c.tenant_id AND i.id = c.incident_id
            WHERE c.tenant_id = \(tenant) \(filter) \(cursor) ORDER BY c.started_at DESC, c.id DESC LIMIT \(limit)
            """
    }

    /// Per objective: how many clocks started since `since`, and how they stand.
    package static func attainment(tenant: TenantID, since: Moment) -> SQL {
        """
        SELECT objective, count(*) AS n, count(*) FILTER (WHERE outcome = 'met') AS met,
               count(*) FILTER (WHERE outcome = 'breached') AS breached, count(*) FILTER (WHERE outcome = 'open') AS open,
               max(target_seconds) AS target_seconds
        FROM clock WHERE tenant_id = \(tenant) AND started_at >= \(since) GROUP BY objective ORDER BY objective
        """
    }
}
