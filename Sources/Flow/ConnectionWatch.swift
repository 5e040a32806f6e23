package import Handoff
internal import Incidents
package import Kernel
internal import Logging
internal import Postgres
package import Records

/// What workers tell of their connections: kept for pages and for the next worker, and told to engineers when a system is away or
/// a day's budget runs out.
package final class ConnectionWatch: Sendable {
    /// News that say the same are written again after so many seconds, so that a page can tell how fresh they are.
    static let refreshSeconds: Int64 = 60
    /// From this share of a day's budget on somebody should know, in percent.
    static let shortPercent: Int64 = 80

    private let platform: Platform
    private let desk: CommandDesk
    private let assets: AssetLibrary
    /// What was written last and when; one worker a tenant tells.
    private let written = Locked<[TenantID: (news: [ConnectionNews], at: Moment)]>([:])

    package init(platform: Platform, desk: CommandDesk, assets: AssetLibrary) {
        self.platform = platform
        self.desk = desk
        self.assets = assets
    }

    /// Takes a worker's news; what cannot be kept now is told again with the next heartbeat, and costs the worker nothing.
    package func hear(_ news: [ConnectionNews], from worker: WorkerIdentity) async {
        do {
            try await take(news, from: worker)
        } catch {
            platform.logger.warning(
                "news of connections not kept", metadata: ["tenant": "\(worker.slug)", "error": "\(error)"])
        }
    }

    /// Takes a worker's news. What is no connection of its tenant is left out. The status, and the commands that open or close
    /// an incident, are one transaction.
    func take(_ news: [ConnectionNews], from worker: WorkerIdentity) async throws {
        let now = platform.clock.now
        let isKnown = written.withLock { written in
            written[worker.tenant].map { $0.news == news && now.seconds(since: $0.at) < ConnectionWatch.refreshSeconds } ?? false
        }
        guard !news.isEmpty, !isKnown else { return }
        let names = Set(try await assets.current(for: worker.tenant).all("connection").map(\.name))
        let told = news.prefix(ConnectionNews.countMax).filter { names.contains($0.name) }
        guard !told.isEmpty else { return }
        let commands = try await platform.store.withTenant(worker.tenant) { [self] tx in
            let rows = try await tx.query(ConnectionStatusQueries.lock(tenant: worker.tenant)).map(ConnectionStatusRow.init)
            let known = Dictionary(rows.map { ($0.connection, $0) }, uniquingKeysWith: { first, _ in first })
            var statements: [SQL] = []
            var commands: [CommandRow] = []
            for item in told {
                let row = ConnectionWatch.row(item, of: worker.tenant, known: known[item.name], at: now)
                statements.append(ConnectionStatusQueries.put(row))
                commands += circuit(row, before: known[item.name], worker: worker)
                commands += budget(row, before: known[item.name], worker: worker)
            }
            for command in commands { statements.append(CommandQueries.insert(command)) }
            _ = try await tx.pipeline(statements)
            return commands.count
        }
        written.withLock { $0[worker.tenant] = (news, now) }
        if commands > 0 { desk.nudge(lane: worker.lane) }
    }

    /// What is known of a tenant's connections, by name.
    package func all(_ tenant: TenantID) async throws -> [String: ConnectionStatusRow] {
        let rows = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(ConnectionStatusQueries.all(tenant: tenant)).map(ConnectionStatusRow.init)
        }
        return Dictionary(rows.map { ($0.connection, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private static func row(
        _ news: ConnectionNews, of tenant: TenantID, known: ConnectionStatusRow?, at now: Moment
    ) -> ConnectionStatusRow {
        // A count is worth what its day is: one of yesterday must not use up today.
        let told = news.day ?? known?.spentDay ?? CivilDate(utc: now)
        let isLate = known.map { $0.spentDay > told } ?? false
        let day = isLate ? known?.spentDay ?? told : told
        let isSameDay = known?.spentDay == day
        let spent = Int32(clamping: news.day == nil || isLate ? 0 : news.spentToday)
        return ConnectionStatusRow(
            tenant: tenant, connection: news.name, circuit: news.circuit.rawValue, code: news.code, since: news.since,
            retryAt: news.retryAt, spentDay: day, spent: isSameDay ? max(spent, known?.spent ?? 0) : spent,
            perDay: Int32(clamping: news.perDay), seenAt: now)
    }

    // MARK: Incidents

    private func circuit(
        _ row: ConnectionStatusRow, before: ConnectionStatusRow?, worker: WorkerIdentity
    ) -> [CommandRow] {
        let wasClosed = (before?.circuit ?? "closed") == "closed"
        if row.circuit != "closed" {
            // Each opening is told once, however often it is repeated and whoever repeats it.
            guard wasClosed || before?.since != row.since else { return [] }
            return [
                raise(
                    .erpCircuitOpen, ["connection": row.connection, "code": row.code ?? "-"], worker: worker,
                    key: "\(row.connection)/\(row.since?.microseconds ?? row.seenAt.microseconds)")
            ]
        }
        guard !wasClosed else { return [] }
        return [
            clear(
                .erpCircuitOpen, ["connection": row.connection],
                "The system behind \(row.connection) answers again; waiting work goes on by itself.", worker: worker,
                key: "\(row.connection)/\(before?.since?.microseconds ?? row.seenAt.microseconds)")
        ]
    }

    private func budget(
        _ row: ConnectionStatusRow, before: ConnectionStatusRow?, worker: WorkerIdentity
    ) -> [CommandRow] {
        let (was, isNow) = (ConnectionWatch.standing(before), ConnectionWatch.standing(row))
        let isNewDay = before.map { $0.spentDay < row.spentDay } ?? false
        var out: [CommandRow] = []
        if isNewDay {
            for alert in was.alerts {
                out.append(
                    clear(
                        alert, ["connection": row.connection], "A new day has begun, and with it a new budget.", worker: worker,
                        key: "\(row.connection)/\(row.spentDay)"))
            }
        }
        let told = isNewDay ? [] : was.alerts
        for alert in isNow.alerts where !told.contains(alert) {
            out.append(
                raise(
                    alert, ["connection": row.connection, "spent": "\(row.spent)", "perDay": "\(row.perDay)"], worker: worker,
                    key: "\(row.connection)/\(row.spentDay)"))
        }
        return out
    }

    /// How far a day's budget is used up.
    enum Standing: Sendable {
        case enough, short, spent

        var alerts: [AlertName] {
            switch self {
            case .enough: []
            case .short: [.erpBudgetShort]
            case .spent: [.erpBudgetShort, .erpBudgetSpent]
            }
        }
    }

    static func standing(_ row: ConnectionStatusRow?) -> Standing {
        guard let row, row.perDay > 0 else { return .enough }
        if row.spent >= row.perDay { return .spent }
        return Int64(row.spent) * 100 >= Int64(row.perDay) * shortPercent ? .short : .enough
    }

    private func raise(_ alert: AlertName, _ facts: [String: String], worker: WorkerIdentity, key: String) -> CommandRow {
        command("incident.raise", alert, facts, text: nil, worker: worker, key: key)
    }

    private func clear(
        _ alert: AlertName, _ facts: [String: String], _ text: String, worker: WorkerIdentity, key: String
    ) -> CommandRow {
        command("incident.clear", alert, facts, text: text, worker: worker, key: key)
    }

    private func command(
        _ kind: String, _ alert: AlertName, _ facts: [String: String], text: String?, worker: WorkerIdentity, key: String
    ) -> CommandRow {
        let members = facts.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue.string($0.value)) }
        return CommandRow(
            tenant: worker.tenant, id: platform.newID(), lane: worker.lane,
            idempotencyKey: "\(kind)/\(alert.rawValue)/\(key)", kind: kind,
            payload: .object([
                "alert": .string(alert.rawValue), "facts": .object(JSONObject(members)), "text": text.map(JSONValue.string),
            ]), createdAt: platform.clock.now)
    }
}
