internal import Kernel
internal import Postgres
internal import Records
internal import Seals
internal import Tenancy
internal import Workflows

/// What a run's pins say of the rollout that it counts for.
struct RolloutMark: Sendable, Equatable {
    enum Arm: String, Sendable { case live, candidate }

    let id: RolloutID
    let arm: Arm
    /// The pins of the candidate that follows the run on paper; nil outside of the shadow.
    let shadow: JSONValue?

    var json: JSONValue {
        .object(["id": JSONValue(id), "arm": .string(arm.rawValue), "shadow": shadow])
    }

    init(id: RolloutID, arm: Arm, shadow: JSONValue? = nil) {
        self.id = id
        self.arm = arm
        self.shadow = shadow
    }

    init?(json: JSONValue?) {
        guard let json, let id = json["id"]?.string.flatMap({ RolloutID($0) }),
            let arm = json["arm"]?.string.flatMap({ Arm(rawValue: $0) })
        else { return nil }
        self.init(id: id, arm: arm, shadow: json["shadow"])
    }

    /// A rollout of a tenant always has the same id; another version is another rollout.
    static func id(_ tenant: TenantID, _ workflow: String, _ version: String) -> RolloutID {
        RolloutID.derived(from: "rollout/\(tenant)/\(workflow)@\(version)") { SHA256.hash($0) }
    }
}

extension PinnedAssets {
    /// The same versions, counting for no rollout.
    var unmarked: PinnedAssets { marked(nil) }

    func marked(_ mark: RolloutMark?) -> PinnedAssets {
        var copy = self
        copy.rollout = mark
        return copy
    }
}

/// What a batch knows of rollouts, and what it will write of them.
struct RolloutWork {
    /// A rollout as configured, and where it stands.
    struct Known {
        let rollout: Rollout
        var row: RolloutRow
        /// Whether the table has it.
        var isStored: Bool
    }

    var known: [RolloutID: Known] = [:]
    /// What was counted, for verdicts; gone once the stage has changed.
    var figures: [RolloutID: (candidate: RolloutFigures, live: RolloutFigures)] = [:]
    var journals: [RunID: [RecordedEvent]] = [:]
    /// Candidates by the command that compares them.
    var candidates: [CommandID: RunContext] = [:]

    private var changed: Set<RolloutID> = []
    private var enrolled: [(tenant: TenantID, run: RunID, mark: RolloutMark)] = []
    private var told: [(tenant: TenantID, run: RunID, event: JSONValue)] = []
    private var comparisons: [ComparisonRow] = []
    private var forgotten: [(tenant: TenantID, run: RunID)] = []

    mutating func put(_ row: RolloutRow) {
        known[row.id]?.row = row
        changed.insert(row.id)
    }

    mutating func enroll(_ run: RunID, _ tenant: TenantID, _ mark: RolloutMark) {
        enrolled.append((tenant, run, mark))
        if known[mark.id]?.isStored == false { changed.insert(mark.id) }
    }

    mutating func tell(_ run: RunID, _ tenant: TenantID, _ event: RunEvent) { told.append((tenant, run, event.json)) }

    mutating func add(_ comparison: ComparisonRow) {
        comparisons.append(comparison)
        forget(comparison.run, comparison.tenant)
    }

    mutating func forget(_ run: RunID, _ tenant: TenantID) {
        told.removeAll { $0.run == run }
        forgotten.append((tenant, run))
    }

    /// Rollouts come before the runs that count for them.
    func appendStandings(to statements: inout [SQL]) {
        for id in changed.sorted() { if let row = known[id]?.row { statements.append(RolloutQueries.put(row)) } }
    }

    func append(to statements: inout [SQL], lane: Int32, at now: Moment) {
        if !enrolled.isEmpty {
            statements.append(
                RolloutQueries.insertRuns(
                    lane: lane, tenants: enrolled.map(\.tenant), runs: enrolled.map(\.run), rollouts: enrolled.map(\.mark.id),
                    arms: enrolled.map(\.mark.arm.rawValue), at: now))
        }
        if !told.isEmpty {
            statements.append(
                RolloutQueries.note(
                    lane: lane, tenants: told.map(\.tenant), runs: told.map(\.run), events: told.map(\.event), at: now))
        }
        for comparison in comparisons { statements.append(RolloutQueries.compared(comparison)) }
        if !forgotten.isEmpty {
            statements.append(
                RolloutQueries.forget(lane: lane, tenants: forgotten.map(\.tenant), runs: forgotten.map(\.run)))
        }
    }

    mutating func clearWrites() {
        for id in changed { known[id]?.isStored = true }
        changed = []
        enrolled = []
        told = []
        comparisons = []
        forgotten = []
    }
}
