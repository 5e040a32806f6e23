package import Evidence
package import Kernel
internal import Logging
internal import Postgres
package import Records
package import Seals
internal import Telemetry

/// The bounds and paces of sealing.
package struct SealingSettings: Sendable {
    /// Entries of one sealing transaction, and of one tenant in it.
    package var batchMax = 2000
    package var tenantBatchMax = 500
    /// Between two looks when nothing waited.
    package var pauseMilliseconds: Int64 = 1000
    /// Between two checkpoints of a tenant whose log grows.
    package var checkpointSeconds: Int64 = 60
    /// Leaves or checkpoints written to a sink at once.
    package var publishMax = 2000
    /// Sealed entries that one look of the watch goes through, a multiple of a subtree's 256.
    package var watchedMax = 1024
    /// Between two looks of the watch.
    package var watchSeconds: Int64 = 10
    /// An entry that waits longer to be sealed is an incident.
    package var lagSecondsMax: Int64 = 30
    /// How far the clock may go back before it is an incident.
    package var clockBackSecondsMax: Int64 = 5

    package init() {}
}

/// Seals the audit log: entries become leaves of their tenants' trees, trees get signed checkpoints, checkpoints go to sinks
/// outside the database, and what is sealed is watched.
///
/// Each step is a transaction of its own and begins where the last one ended, so a stop between any two statements loses nothing
/// and seals nothing twice: leaves, subtrees and head are written together, a checkpoint is signed over a head that is committed,
/// and a sink takes again what it has already.
package struct Sealing: Sendable {
    package let settings: SealingSettings
    private let platform: Platform
    private let scopes: ScopeDirectory
    private let alerting: Alerting
    private let signing: SigningRing
    private let sinks: [CheckpointFolder]
    private let begunAt: Moment
    private let watchedAt = Locked<[Int32: Moment]>([:])

    package init(
        platform: Platform, scopes: ScopeDirectory, alerting: Alerting, signing: SigningRing, sinks: [CheckpointFolder],
        settings: SealingSettings = SealingSettings()
    ) {
        self.platform = platform
        self.scopes = scopes
        self.alerting = alerting
        self.signing = signing
        self.sinks = sinks
        self.settings = settings
        begunAt = platform.clock.now
    }

    /// Runs until cancelled; several servers may, for one at a time leads a lane.
    package func run() async {
        while !Task.isCancelled {
            var hasMore = false
            for lane in 0..<platform.settings.laneCount {
                do {
                    if try await look(lane: lane) { hasMore = true }
                    platform.beats.note(.sealer, at: platform.clock.now)
                } catch is CancellationError {
                    return
                } catch {
                    platform.logger.warning("a lane was not sealed", metadata: ["lane": "\(lane)", "error": "\(error)"])
                }
            }
            guard !hasMore else { continue }
            // Cancellation ends the loop by its condition.
            try? await Task.sleep(for: .milliseconds(settings.pauseMilliseconds))
        }
    }

    /// All that is due in a lane; true when entries are left that could be sealed at once.
    package func look(lane: Int32) async throws -> Bool {
        let outcome = try await seal(lane: lane)
        for alarm in outcome.alarms { try await raise(alarm) }
        guard outcome.isLeader else { return false }
        try await checkpoint(lane: lane)
        try await publish(lane: lane)
        if isWatchDue(lane) { try await watch(lane: lane) }
        return outcome.hasMore
    }

    private func isWatchDue(_ lane: Int32) -> Bool {
        let now = platform.clock.now
        return watchedAt.withLock { times in
            guard times[lane].map({ abs(now.seconds(since: $0)) >= settings.watchSeconds }) ?? true else { return false }
            times[lane] = now
            return true
        }
    }

    // MARK: Sealing

    /// What one sealing transaction did.
    package struct Outcome: Sendable {
        package var isLeader = false
        package var sealed = 0
        package var hasMore = false
        package var alarms: [Alarm] = []
    }

    package struct Alarm: Sendable {
        package let tenant: TenantID
        package let alert: String
        package let facts: [String: String]
    }

    /// One batch of one lane.
    package func seal(lane: Int32) async throws -> Outcome {
        let now = platform.clock.now
        let outcome = try await platform.store.withSealer { [settings] tx in
            var outcome = Outcome()
            let place = try await tx.query(SealQueries.lead(lane: lane)).only()
            guard try place.get("is_leader", as: Bool.self) else { return outcome }
            outcome.isLeader = true
            let (oldest, cluster) = (try place.get("oldest", as: String.self), try place.get("cluster", as: String.self))
            let read = try await tx.pipeline([
                SealQueries.ensureHeads(lane: lane, cluster: cluster, oldest: oldest),
                SealQueries.beginAnew(lane: lane, cluster: cluster, oldest: oldest), SealQueries.heads(lane: lane),
                SealQueries.settled(lane: lane, before: oldest, perTenant: settings.tenantBatchMax, limit: settings.batchMax),
                SealQueries.backlog(lane: lane, perTenant: settings.tenantBatchMax, limit: settings.batchMax),
            ])
            let heads = try read[2].map(SealHeadRow.init)
            let (settled, backlog) = (try read[3].map(AuditEntryRow.init), try read[4].map(AuditEntryRow.init))
            var batch = SealBatch(heads: heads, now: now)
            for row in settled + backlog { try batch.add(row) }
            // A backlog that the batch's bound may have cut is not through.
            if backlog.count < settings.batchMax { batch.endCatchingUp(belowEntries: settings.tenantBatchMax) }
            outcome.alarms = batch.alarms(settings, begunAt: begunAt)
            outcome.sealed = batch.leaves.count
            outcome.hasMore =
                settled.count == settings.batchMax || backlog.count == settings.batchMax || batch.isAnyFull(settings)
            guard !batch.changed.isEmpty else { return outcome }
            let written = try await tx.pipeline(batch.statements)
            guard written.last?.affected == batch.changed.count else {
                throw Fault("sealing lane \(lane)", "a head was moved by somebody else", isRetryable: true)
            }
            return outcome
        }
        if outcome.sealed > 0 {
            platform.metrics.counter("countersign_audit_sealed_total", "Audit entries sealed.").add(Double(outcome.sealed))
        }
        return outcome
    }

    // MARK: Checkpoints

    /// Signs what has grown.
    package func checkpoint(lane: Int32) async throws {
        let now = platform.clock.now
        let heads = try await platform.store.withSealer { [settings] tx in
            try await tx.query(
                SealQueries.headsWithoutCheckpoint(
                    lane: lane, before: now.adding(seconds: -settings.checkpointSeconds), limit: settings.publishMax)
            ).map(SealHeadRow.init)
        }
        guard !heads.isEmpty else { return }
        let rows = try heads.map { head in
            let root = try head.tree().root(AuditLog.hasher)
            return CheckpointRow(
                tenant: head.tenant, size: head.size, root: root, at: now, note: signed(head.tenant, head.size, root).description)
        }
        try await platform.store.withSealer { tx in _ = try await tx.pipeline(rows.map(SealQueries.keepCheckpoint)) }
    }

    private func signed(_ tenant: TenantID, _ size: Int64, _ root: [UInt8]) -> SignedNote {
        let origin = AuditLog.origin(tenant)
        var note = SignedNote(text: Checkpoint(origin: origin, size: UInt64(size), root: root).text)
        for key in signing.signers { note.add(key.signature(over: note.text.utf8), by: AuditLog.key(key, of: tenant)) }
        return note
    }

    /// The public keys of a tenant's log, the newest first, in the notation of signed notes.
    package func publicKeys(_ tenant: TenantID) -> [NoteKey] { signing.keys.map { AuditLog.key($0, of: tenant) } }

    // MARK: Sinks

    /// Gives every sink what it lacks: the leaves up to a checkpoint, then the checkpoint.
    package func publish(lane: Int32) async throws {
        let rows = try await platform.store.withSealer { [settings] tx in
            try await tx.query(SealQueries.unpublished(lane: lane, limit: settings.publishMax)).map(CheckpointRow.init)
        }
        var stuck: Set<TenantID> = []
        for row in rows where !stuck.contains(row.tenant) {
            do {
                for sink in sinks { try await publish(row, to: sink) }
            } catch let contradiction as CheckpointFolder.Contradiction {
                stuck.insert(row.tenant)
                try await raise(.mismatch(row.tenant, seq: contradiction.seq, contradiction.description))
                continue
            } catch let fault as Fault {
                stuck.insert(row.tenant)
                platform.logger.warning("a checkpoint was not published", metadata: ["error": "\(fault)"])
                if platform.clock.now.seconds(since: row.at) > settings.lagSecondsMax {
                    try await raise(.late(row.tenant, "a checkpoint of \(row.size) entries cannot be written to its sink"))
                }
                continue
            }
            let now = platform.clock.now
            try await platform.store.withSealer { tx in
                try await tx.execute(SealQueries.markPublished(tenant: row.tenant, size: row.size, at: now))
            }
        }
    }

    private func publish(_ row: CheckpointRow, to sink: CheckpointFolder) async throws {
        try sink.make()
        let log = row.tenant.text
        var next = try sink.leafCount(of: log)
        guard try next <= row.size || lastSize(sink, log) <= row.size else {
            // The folder is ahead of this checkpoint, which it has then already, or the log has been cut and grown anew.
            return try await compare(row, with: sink, log)
        }
        // What is there already is compared once more, a piece of it, before anything is added.
        next = max(0, min(next, row.size) - Int64(settings.publishMax))
        while next < row.size {
            let end = min(row.size, next + Int64(settings.publishMax))
            try sink.append(leaves: try await leaves(row.tenant, next, end), from: next, to: log)
            next = end
        }
        try sink.append(note: row.note, to: log)
    }

    private func compare(_ row: CheckpointRow, with sink: CheckpointFolder, _ log: String) async throws {
        guard try sink.notes(of: log).contains(where: { sameBytes($0, row.note) }) else {
            throw CheckpointFolder.Contradiction(
                seq: row.size, description: "the log ends at \(row.size), and a longer one was promised before")
        }
    }

    private func lastSize(_ sink: CheckpointFolder, _ log: String) throws -> Int64 {
        guard let last = try sink.notes(of: log).last else { return 0 }
        let note = try SignedNote(parsing: last.utf8)
        return Int64(try Checkpoint(note.text, AuditLog.hasher).size)
    }

    private func leaves(_ tenant: TenantID, _ start: Int64, _ end: Int64) async throws -> [[UInt8]] {
        let rows = try await platform.store.withSealer { tx in
            try await tx.query(ProofQueries.leaves(tenant: tenant, from: start, to: end)).map {
                (seq: try $0.get("seq", as: Int64.self), leaf: try $0.get("leaf", as: [UInt8].self))
            }
        }
        for (offset, row) in rows.enumerated() where row.seq != start + Int64(offset) {
            throw CheckpointFolder.Contradiction(seq: start + Int64(offset), description: "the seal of an entry is gone")
        }
        guard rows.count == Int(end - start) else {
            throw CheckpointFolder.Contradiction(seq: start + Int64(rows.count), description: "the seal of an entry is gone")
        }
        return rows.map(\.leaf)
    }

    // MARK: The watch

    /// Goes through sealed entries, a piece at each look and round again: every leaf has its entry, every subtree its leaves.
    package func watch(lane: Int32) async throws {
        let heads = try await platform.store.withSealer { tx in
            try await tx.query(SealQueries.heads(lane: lane)).map(SealHeadRow.init)
        }
        for head in heads where head.size > 0 {
            let start = head.watched < head.size ? head.watched : 0
            let found = try await AuditProving(platform: platform).faults(
                of: head, from: start, limit: settings.watchedMax, role: .sealer)
            for fault in found.faults.prefix(1) { try await raise(.mismatch(head.tenant, seq: fault.seq, fault.what)) }
            let next = found.faults.isEmpty ? found.next : start
            guard next != head.watched else { continue }
            try await platform.store.withSealer { tx in
                try await tx.execute(SealQueries.watch(tenant: head.tenant, from: next))
            }
        }
    }

    private func raise(_ alarm: Alarm) async throws {
        let scope = try await scopes.scope(alarm.tenant)
        // One command a trouble and ten minutes; the incident counts the rest.
        let window = platform.clock.now.seconds / 600
        let what = alarm.facts["seq"] ?? alarm.facts["what"] ?? ""
        try await alerting.raise(alarm.alert, facts: alarm.facts, scope: scope, key: "\(scope.slug)/\(what)/\(window)")
    }
}

extension Sealing.Alarm {
    static func mismatch(_ tenant: TenantID, seq: Int64, _ what: String) -> Sealing.Alarm {
        Sealing.Alarm(tenant: tenant, alert: "audit-seal-mismatch", facts: ["seq": "\(seq)", "what": what])
    }

    static func late(_ tenant: TenantID, _ what: String) -> Sealing.Alarm {
        Sealing.Alarm(tenant: tenant, alert: "audit-seal-lag", facts: ["what": what])
    }

    static func clock(_ tenant: TenantID, _ what: String) -> Sealing.Alarm {
        Sealing.Alarm(tenant: tenant, alert: "audit-seal-clock", facts: ["what": what])
    }
}

extension SealHeadRow {
    /// A fault when the stored edge is none: somebody changed the row.
    package func tree() throws(Fault) -> MerkleFrontier {
        guard size >= 0, let frontier = MerkleFrontier(size: UInt64(size), bytes: frontier) else {
            throw Fault("reading the head of an audit log", "size and hashes do not fit", isRetryable: false)
        }
        return frontier
    }
}

/// One batch: entries become leaves at the right edges of their tenants' trees.
struct SealBatch {
    private var heads: [TenantID: SealHeadRow]
    private var trees: [TenantID: MerkleFrontier] = [:]
    private var counts: [TenantID: Int] = [:]
    private var oldest: [TenantID: Moment] = [:]
    private let now: Moment
    private(set) var changed: Set<TenantID> = []
    private(set) var leaves: [(tenant: TenantID, seq: Int64, entry: AuditEntryID, leaf: [UInt8])] = []
    private var subtrees: [(tenant: TenantID, height: Int32, index: Int64, hash: [UInt8])] = []

    /// Every eighth height is kept: a proof then reads at most 255 hashes a level, and the store grows by one row in 256.
    private static let keptHeights = 8

    init(heads: [SealHeadRow], now: Moment) {
        self.heads = Dictionary(heads.map { ($0.tenant, $0) }, uniquingKeysWith: { first, _ in first })
        self.now = now
    }

    mutating func add(_ row: AuditEntryRow) throws {
        guard var head = heads[row.tenant] else { return }
        var tree = try trees[row.tenant] ?? head.tree()
        let leaf = AuditLog.leaf(row)
        leaves.append((row.tenant, head.size, row.id, leaf))
        tree.append(leaf, AuditLog.hasher) { height, index, hash in
            guard height % SealBatch.keptHeights == 0 else { return }
            subtrees.append((row.tenant, Int32(height), Int64(index), hash))
        }
        head.size += 1
        head.frontier = tree.bytes
        head.number = row.number
        if !head.isCatchingUp { head.xid = row.xid }
        trees[row.tenant] = tree
        heads[row.tenant] = head
        counts[row.tenant, default: 0] += 1
        oldest[row.tenant] = min(oldest[row.tenant] ?? row.at, row.at)
        changed.insert(row.tenant)
    }

    /// Tenants whose backlog came to its end go on in the order of transactions, from the one that was oldest at the beginning.
    mutating func endCatchingUp(belowEntries: Int) {
        for (tenant, var head) in heads where head.isCatchingUp && counts[tenant] ?? 0 < belowEntries {
            head.isCatchingUp = false
            head.number = 0
            heads[tenant] = head
            changed.insert(tenant)
        }
    }

    func isAnyFull(_ settings: SealingSettings) -> Bool { counts.values.contains { $0 >= settings.tenantBatchMax } }

    /// Entries that waited too long, and a clock that went back. What waited while no server ran is not late.
    func alarms(_ settings: SealingSettings, begunAt: Moment) -> [Sealing.Alarm] {
        var out: [Sealing.Alarm] = []
        for (tenant, at) in oldest {
            guard let head = heads[tenant] else { continue }
            let waited = now.seconds(since: max(at, begunAt))
            if waited > settings.lagSecondsMax { out.append(.late(tenant, "entries waited \(waited) s to be sealed")) }
            let back = max(head.sealedAt?.seconds(since: now) ?? 0, at.seconds(since: now))
            if back > settings.clockBackSecondsMax { out.append(.clock(tenant, "the clock went back by \(back) s")) }
        }
        return out
    }

    /// The heads are the last.
    var statements: [SQL] {
        let ordered = changed.sorted().compactMap { heads[$0] }
        // Never backwards, whatever the clock does.
        let at = max(now, ordered.compactMap(\.sealedAt).max() ?? now)
        var out: [SQL] = []
        if !leaves.isEmpty {
            out.append(
                SealQueries.seal(
                    tenants: leaves.map(\.tenant), seqs: leaves.map(\.seq), entries: leaves.map(\.entry),
                    leaves: leaves.map(\.leaf), at: at))
        }
        if !subtrees.isEmpty {
            out.append(
                SealQueries.keepSubtrees(
                    tenants: subtrees.map(\.tenant), heights: subtrees.map(\.height), indexes: subtrees.map(\.index),
                    hashes: subtrees.map(\.hash)))
        }
        return out + [SealQueries.moveHeads(ordered, at: at)]
    }
}
