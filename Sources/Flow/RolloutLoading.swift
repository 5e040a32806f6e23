internal import Kernel
internal import Postgres
internal import Records
internal import Workflows

extension AssetLibrary {
    /// A rollout that is configured for a tenant, with the version that it is about.
    struct Configured {
        let rollout: Rollout
        let candidate: AssetRow
        let id: RolloutID
    }

    /// Rollouts whose version is there and not the live one already.
    func rollouts(in assets: TenantAssets) -> [Configured] {
        assets.all("rollout").compactMap { row in
            guard let rollout = rollout(row), let candidate = assets.row("candidate", rollout.name),
                candidate.version == rollout.candidate, assets.row("workflow", rollout.name)?.version != candidate.version
            else { return nil }
            return Configured(
                rollout: rollout, candidate: candidate,
                id: RolloutMark.id(assets.scope.id, rollout.name, rollout.candidate))
        }
    }
}

extension LaneEngine {
    /// Runs of each version that count for a verdict, the newest.
    static let countedMax = 5000

    /// What starts, comparisons and verdicts need of rollouts. Tenants without any cost nothing.
    func loadRollouts(_ batch: inout LaneBatch, commands: [CommandRow], tx: Transaction) async throws {
        try await loadJournals(&batch, commands: commands, tx: tx)
        let wanted = commands.filter { command in
            command.kind.hasPrefix("rollout.") || command.kind == "run.start" && command.payload["pin"] == nil
        }
        var configured: [TenantID: [AssetLibrary.Configured]] = [:]
        for tenant in Set(wanted.map(\.tenant)) {
            guard let current = assets.known(tenant) else { continue }
            let found = assets.rollouts(in: current)
            if !found.isEmpty { configured[tenant] = found }
        }
        guard !configured.isEmpty else { return }
        var standing: [RolloutID: RolloutRow] = [:]
        for row in try await tx.query(RolloutQueries.lock(lane: batch.lane, tenants: Array(configured.keys))).map(RolloutRow.init)
        {
            standing[row.id] = row
        }
        for (tenant, found) in configured {
            for one in found {
                let row =
                    standing[one.id]
                    ?? RolloutRow(
                        tenant: tenant, id: one.id, lane: batch.lane, workflow: one.rollout.name, version: one.rollout.candidate,
                        stage: one.rollout.stage.rawValue, startedAt: batch.now)
                batch.rolling.known[one.id] = RolloutWork.Known(
                    rollout: one.rollout, row: row, isStored: standing[one.id] != nil)
            }
        }
        let judged = Set(commands.filter { $0.kind == "rollout.judge" }.compactMap { LaneBatch.rollout(of: $0) })
        for id in judged.sorted() {
            guard let known = batch.rolling.known[id] else { continue }
            batch.rolling.figures[id] = try await RolloutFigures.count(known.rollout, known.row, at: batch.now, tx: tx)
        }
    }

    private func loadJournals(_ batch: inout LaneBatch, commands: [CommandRow], tx: Transaction) async throws {
        let compared = commands.filter { $0.kind == "rollout.compare" }
        let runs = compared.compactMap { command in command.run.map { (command.tenant, $0) } }
        guard !runs.isEmpty else { return }
        let rows = try await tx.query(
            RolloutQueries.journals(
                lane: batch.lane, tenants: runs.map(\.0), runs: runs.map(\.1), limit: ShadowRun.eventsMax + 1))
        var unreadable: Set<RunID> = []
        for row in rows {
            let run = try row.get("run_id", as: RunID.self)
            // An event that this version cannot read makes its run incomparable, and holds nobody else up.
            guard let event = try? RunEvent(json: try row.get("event", as: JSONValue.self)) else {
                unreadable.insert(run)
                continue
            }
            batch.rolling.journals[run, default: []].append(
                RecordedEvent(at: try row.get("at", as: Moment.self), event: event))
        }
        for run in unreadable { batch.rolling.journals[run] = [] }
    }

    /// The candidate that a finished run is compared with; one that cannot be read is told in the comparison.
    func equip(
        comparison command: CommandRow, _ batch: inout LaneBatch, unreadable: [String: String], missing: inout Unprepared
    ) {
        guard let run = command.run, let row = batch.runs[run], let json = row.pinned["rollout"]?["shadow"],
            let pinned = try? PinnedAssets(json: json)  // told in the comparison
        else { return }
        let key = pinned.json.text
        if let context = assets.known(pinned) {
            batch.rolling.candidates[command.id] = context
        } else if unreadable[key] == nil {
            missing.pins[key] = pinned
        }
    }

    /// The versions that a run starts with: the live ones, or by its rollout the candidate's.
    ///
    /// A candidate that cannot be pinned or read takes no run, so that trying a version never holds one up.
    func choose(
        _ command: CommandRow, _ current: TenantAssets, _ batch: inout LaneBatch, unreadable: [String: String]
    ) throws -> PinnedAssets {
        let name = command.payload["workflow"]?.string ?? ""
        let live = try assets.pins(in: current, workflow: name, at: batch.now)
        guard let run = command.run, let one = assets.rollouts(in: current).first(where: { $0.rollout.name == name }),
            let known = batch.rolling.known[one.id], let stage = Rollout.Stage(rawValue: known.row.stage),
            stage != .rolledBack, let candidate = candidate(one, current, at: batch.now), unreadable[candidate.json.text] == nil
        else { return live }
        switch stage {
        case .shadow: return live.marked(RolloutMark(id: one.id, arm: .live, shadow: candidate.json))
        case .pilot:
            let about = command.payload["input"]?["case"] ?? command.payload["summary"] ?? .null
            guard one.rollout.takes(run, about: about) else { return live.marked(RolloutMark(id: one.id, arm: .live)) }
            let marked = candidate.marked(RolloutMark(id: one.id, arm: .candidate))
            return unreadable[marked.json.text] == nil ? marked : live
        case .live: return candidate
        case .rolledBack: return live
        }
    }

    private func candidate(_ one: AssetLibrary.Configured, _ current: TenantAssets, at now: Moment) -> PinnedAssets? {
        // What it lacks is told by the check of the configuration and on the page of the rollout.
        try? assets.pins(in: current, workflow: one.candidate, at: now)
    }
}

extension RolloutFigures {
    /// Counts both versions since the stage began, or in the window where that is shorter.
    static func count(
        _ rollout: Rollout, _ row: RolloutRow, at now: Moment, tx: Transaction
    ) async throws -> (candidate: RolloutFigures, live: RolloutFigures) {
        let since = max(row.stageSince, now.adding(seconds: Int64(rollout.windowHours) * -3600))
        let found = try await tx.pipeline([
            RolloutQueries.figures(tenant: row.tenant, rollout: row.id, since: since, limit: LaneEngine.countedMax),
            RolloutQueries.verdicts(tenant: row.tenant, rollout: row.id, since: since),
        ])
        var figures: (candidate: RolloutFigures, live: RolloutFigures) = (RolloutFigures(), RolloutFigures())
        for line in found[0] {
            func number(_ name: String) throws -> Int { Int(try line.get(name, as: Int64.self)) }
            let counted = RolloutFigures(
                ended: try number("ended"), touchless: try number("touchless"), exceptions: try number("exceptions"),
                faults: try number("faults"), late: try number("late"),
                cycleSecondsMedian: try line.get("median", as: Int64?.self))
            if try line.get("arm", as: String.self) == "live" { figures.live = counted } else { figures.candidate = counted }
        }
        for line in found[1] {
            let count = Int(try line.get("n", as: Int64.self))
            switch ShadowReport.Verdict(rawValue: try line.get("verdict", as: String.self)) {
            case .same: figures.candidate.same = count
            case .different: figures.candidate.different = count
            case .unknown: figures.candidate.unknown = count
            case .incomparable, nil: break
            }
        }
        return figures
    }
}
