internal import Evidence
internal import Kernel
internal import Logging
internal import Postgres
internal import Records
package import Seals
internal import Telemetry

/// The bounds and paces of reading packs.
package struct EvidenceSettings: Sendable {
    /// Rows of one page, which is one piece: some hundred kilobytes.
    package var pageRows = 1000
    /// Longer than any page takes; then another process begins the pack anew.
    package var claimSeconds: Int64 = 120
    package var openMax = 2
    package var pauseMilliseconds: Int64 = 5000
    package var pruneSeconds: Int64 = 3600
    /// Pieces removed in one transaction, and transactions of one tenant in one look.
    package var pruneBatch = 200
    package var pruneBatches = 20
    /// A whole list is one statement, and may group a year's rows.
    package var statementTimeoutMilliseconds = 600_000

    package init() {}
}

/// Reads packs that were asked for: every list of a pack in one snapshot of the database, page by page, each page written away
/// before the next is read. So all rows are of one instant, and a million of them never lie in memory.
///
/// A process that dies leaves pieces of a try that nobody finishes; the next try removes them and begins anew, for only within a
/// snapshot is a list complete.
package final class EvidenceBuilding: Sendable {
    let settings: EvidenceSettings
    private let platform: Platform
    private let scopes: ScopeDirectory
    private let signing: SigningRing
    private let waker: EvidenceWaker
    private let prunedAt = Locked<Moment?>(nil)

    package init(
        platform: Platform, scopes: ScopeDirectory, signing: SigningRing, waker: EvidenceWaker,
        settings: EvidenceSettings = EvidenceSettings()
    ) {
        self.platform = platform
        self.scopes = scopes
        self.signing = signing
        self.waker = waker
        self.settings = settings
    }

    /// Runs until cancelled; several processes may.
    package func run() async {
        await platform.rounds(.evidence, failure: "evidence packs could not be looked for") {
            if try await workDue() > 0 { return true }
            try await pruneIfDue()
            return false
        } rest: { _ in
            await waker.signal.wait(milliseconds: settings.pauseMilliseconds)
        }
    }

    private struct Claim: Sendable {
        let lane: Int32
        let id: Int64
        let tenant: TenantID
        let pack: EvidencePackID
    }

    /// Reads everything that is due once, and says how many packs that were.
    package func workDue() async throws -> Int {
        let now = platform.clock.now
        let claims = try await platform.store.withLane(0) { [settings] tx in
            try await tx.query(
                EvidenceQueries.claim(now: now, until: now.adding(seconds: settings.claimSeconds), limit: settings.openMax)
            ).map { row in
                Claim(
                    lane: try row.get("lane", as: Int32.self), id: try row.get("id", as: Int64.self),
                    tenant: try row.get("tenant_id", as: TenantID.self), pack: try row.get("pack_id", as: EvidencePackID.self))
            }
        }
        for claim in claims {
            do {
                try await read(claim)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // It comes back when its claim ends.
                platform.logger.warning("a pack was not read", metadata: ["pack": "\(claim.pack)", "error": "\(error)"])
            }
        }
        return claims.count
    }

    private func read(_ claim: Claim) async throws {
        let (tenant, id) = (claim.tenant, claim.pack)
        let begun = try await platform.store.withTenant(tenant) { tx -> EvidencePackRow? in
            guard let row = try await tx.query(EvidenceQueries.begin(tenant: tenant, id: id)).first.map(EvidencePackRow.init)
            else { return nil }
            _ = try await tx.execute(EvidenceQueries.clear(tenant: tenant, id: id, below: row.attempt))
            return row
        }
        guard let row = begun, let pack = EvidencePack.named("\(row.number)") else { return try await done(claim) }
        do {
            if try await build(row, pack, claim) { try await done(claim) }
        } catch let refusal as Refusal {
            try await fail(row, refusal.message)
            try await done(claim)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            guard row.attempt >= EvidenceBounds.attemptsMax else { throw error }
            platform.logger.error("a pack was given up", metadata: ["pack": "\(id)", "error": "\(error)"])
            try await fail(row, "It was tried \(row.attempt) times; the server's log has the reason.")
            try await done(claim)
        }
    }

    private func done(_ claim: Claim) async throws {
        try await platform.store.withLane(claim.lane) { tx in
            _ = try await tx.execute(EvidenceQueries.dequeue(lane: claim.lane, id: claim.id))
        }
    }

    private func fail(_ row: EvidencePackRow, _ problem: String) async throws {
        var row = row
        (row.state, row.problem, row.builtAt) = ("failed", problem, platform.clock.now)
        let failed = row
        try await platform.store.withTenant(row.tenant) { [self] tx in
            guard try await !tx.query(EvidenceQueries.finish(failed)).isEmpty else { return }
            try await tx.execute(entry(failed, "evidence.failed", ["problem": .string(problem)]))
        }
    }

    private func entry(_ row: EvidencePackRow, _ action: String, _ facts: JSONObject) -> SQL {
        var facts = facts
        facts["number"] = JSONValue(Int64(row.number))
        return AuditQueries.insert([
            AuditRow(
                tenant: row.tenant, id: platform.newID(), lane: row.lane, at: platform.clock.now, actorKind: "system",
                actor: "evidence", action: action, objectType: "evidence", objectID: row.id.text, run: nil,
                content: .object(facts))
        ])
    }

    // MARK: Reading

    /// One try; false when another process has begun a later one.
    private func build(_ row: EvidencePackRow, _ pack: EvidencePack, _ claim: Claim) async throws -> Bool {
        let scope = try await scopes.scope(row.tenant)
        let options = TransactionOptions(
            isolation: .repeatableRead, isReadOnly: true, statementTimeoutMilliseconds: settings.statementTimeoutMilliseconds)
        let read = try await platform.store.withTenant(row.tenant, options: options) { [self] tx in
            // The snapshot is taken by the first statement.
            let writer = PieceWriter(platform: platform, row: row, claim: (claim.lane, claim.id), settings: settings)
            let at = try await tx.query("SELECT statement_timestamp() AS at").only().get("at", as: Moment.self)
            var lists: [EvidenceListFacts] = []
            for list in pack.lists {
                guard let facts = try await self.list(list, of: pack, row, writer, tx) else {
                    return (at: at, lists: [EvidenceListFacts]?.none)
                }
                lists.append(facts)
            }
            return (at: at, lists: lists)
        }
        guard let lists = read.lists else { return false }
        let manifest = EvidenceManifest.json(
            EvidenceManifest.Frame(
                id: row.id.text, pack: pack, tenant: row.tenant, slug: scope.slug, name: scope.name, from: row.from, to: row.to,
                askedBy: row.askedBy.text, askedName: row.askedName, askedAt: row.askedAt, readAt: read.at), lists: lists)
        let bytes = try manifest.canonicalBytes()
        let hash = SHA256.hash(bytes)
        var finished = row
        finished.state = "ready"
        finished.rowsSeen = lists.reduce(0) { $0 + $1.rows }
        finished.builtAt = platform.clock.now
        finished.manifest = String(decoding: bytes, as: UTF8.self)
        finished.manifestHash = hash
        finished.note = signed(EvidenceManifest.noteText(tenant: row.tenant, id: row.id.text, hash: hash), row.tenant)
        let ready = finished
        platform.metrics.counter("countersign_evidence_packs_total", "Evidence packs that were read.").add(1)
        return try await platform.store.withTenant(row.tenant) { [self] tx in
            guard try await !tx.query(EvidenceQueries.finish(ready)).isEmpty else { return false }
            try await tx.execute(
                entry(
                    ready, "evidence.generated",
                    [
                        "pack": .string(pack.name), "rows": JSONValue(ready.rowsSeen), "manifestSHA256": .string(hash.hexText),
                        "askedBy": JSONValue(ready.askedBy),
                    ]))
            return true
        }
    }

    private func signed(_ text: String, _ tenant: TenantID) -> String {
        var note = SignedNote(text: text)
        for key in signing.signers { note.add(key.signature(over: text.utf8), by: AuditLog.key(key, of: tenant)) }
        return note.description
    }

    /// One list to its end; nil when the try is no longer the pack's own.
    private func list(
        _ list: EvidenceList, of pack: EvidencePack, _ row: EvidencePackRow, _ writer: PieceWriter, _ tx: Transaction
    ) async throws -> EvidenceListFacts? {
        guard let shown = EvidenceListQueries.list(pack.number, list.name, .shown) else {
            return try await verification(list, row, writer)
        }
        let lines = ListLines(list, query: EvidenceBuilding.tidy(shown.sql.text))
        var after: (Moment, AuditEntryID)?
        while true {
            try Task.checkCancellation()
            let limit = shown.isPaged ? settings.pageRows : EvidenceBounds.wholeRowsMax + 1
            let ask = EvidenceAsk(tenant: row.tenant, from: row.from, to: row.to, after: after, limit: limit)
            guard let query = EvidenceListQueries.list(pack.number, list.name, ask) else { break }
            let rows = try await tx.query(query.sql)
            guard shown.isPaged || rows.count < limit else {
                throw Refusal(
                    .tooLarge, reason: "evidence.rows",
                    "List \(list.name) has more than \(limit - 1) rows. Ask for a shorter time.")
            }
            for found in rows { try lines.take(try EvidenceBuilding.cells(found, of: list)) }
            guard try await writer.put(lines, list) else { return nil }
            guard shown.isPaged, rows.count == limit, let last = rows.last else { break }
            after = (try last.get("cursor_at", as: Moment.self), try last.get("cursor_id", as: AuditEntryID.self))
        }
        return lines.facts
    }

    /// The statement on one line.
    static func tidy(_ text: String) -> String {
        text.split(whereSeparator: { $0 == " " || $0.isNewline }).joined(separator: " ")
    }

    private static func cells(_ row: Row, of list: EvidenceList) throws -> [JSONValue] {
        var out: [JSONValue] = []
        for column in list.columns {
            switch column.kind {
            case .text: out.append(JSONValue(try row.get(column.name, as: String?.self)))
            case .integer: out.append(try row.get(column.name, as: Int64?.self).map { JSONValue($0) } ?? .null)
            case .instant:
                out.append(try row.get(column.name, as: Moment?.self).map { EvidenceManifest.instant($0) } ?? .null)
            case .flag: out.append(try row.get(column.name, as: Bool?.self).map { JSONValue.bool($0) } ?? .null)
            case .json: out.append(try row.get(column.name, as: JSONValue?.self) ?? .null)
            }
        }
        return out
    }

    /// The log against its leaves, from the beginning to the end as it is now, and no further than the first fault of a block.
    private func verification(
        _ list: EvidenceList, _ row: EvidencePackRow, _ writer: PieceWriter
    ) async throws -> EvidenceListFacts? {
        let lines = ListLines(
            list,
            query:
                "Each sealed entry is hashed and compared with its leaf, each 256 leaves with the hash above them, in order."
        )
        let proving = AuditProving(platform: platform)
        let head = try await platform.store.withTenant(row.tenant) { tx in
            try await tx.query(ProofQueries.head(tenant: row.tenant)).map(SealHeadRow.init).first
        }
        var faults: [AuditProving.Flaw] = []
        var next: Int64 = 0
        if let head, head.size > 0 {
            repeat {
                try Task.checkCancellation()
                let found = try await proving.faults(of: head, from: next, limit: 1024, role: .member)
                faults += found.faults
                next = found.next
                guard try await writer.put(lines, list) else { return nil }
            } while next > 0 && faults.count < 1000
        }
        let word = faults.isEmpty ? "every entry is as it was sealed" : "\(faults.count) blocks are not as they were sealed"
        try lines.take([.null, JSONValue(head?.size ?? 0), .string(word)])
        for fault in faults { try lines.take([JSONValue(fault.seq), .null, .string(fault.what)]) }
        guard try await writer.put(lines, list) else { return nil }
        return lines.facts
    }

    // MARK: Forgetting

    private func pruneIfDue() async throws {
        let now = platform.clock.now
        let isDue = prunedAt.withLock { last in
            guard last.map({ now.seconds(since: $0) >= settings.pruneSeconds }) ?? true else { return false }
            last = now
            return true
        }
        if isDue { try await prune() }
    }

    /// Takes away the rows of packs that have served their time; what was promised of them stays.
    package func prune() async throws {
        let now = platform.clock.now
        let before = now.adding(seconds: -EvidenceBounds.keptDays * 86_400)
        for scope in try await scopes.all() {
            for _ in 0..<settings.pruneBatches {
                let isMore = try await platform.store.withTenant(scope.id) { [settings] tx -> Bool in
                    let found = try await tx.query(EvidenceQueries.stale(tenant: scope.id, before: before)).first
                    guard let id = try found?.get("id", as: EvidencePackID.self) else { return false }
                    let removed = try await tx.execute(
                        EvidenceQueries.dropPieces(tenant: scope.id, id: id, limit: settings.pruneBatch))
                    if removed < settings.pruneBatch {
                        try await tx.execute(EvidenceQueries.empty(tenant: scope.id, id: id, at: now))
                    }
                    return true
                }
                guard isMore else { break }
            }
        }
    }
}

/// The lines of a list on their way: what waits to be written, and the hashes of all of it.
private final class ListLines {
    private let list: EvidenceList
    private let query: String
    private let (ndjson, csv) = (SHA256Stream(), SHA256Stream())
    private var bytes: (ndjson: Int64, csv: Int64) = (0, 0)
    private var rows: Int64 = 0
    var waiting: [UInt8] = []
    var waitingRows: Int64 = 0
    var seq: Int32 = 0

    init(_ list: EvidenceList, query: String) {
        self.list = list
        self.query = query
        table(EvidenceLine.head(of: list))
    }

    private func table(_ text: String) {
        csv.update(contentsOf: text.utf8)
        bytes.csv += Int64(text.utf8.count)
    }

    func take(_ cells: [JSONValue]) throws {
        var line = try line(cells)
        // The table is made of what the line says, as whoever takes it away makes it again.
        table(EvidenceLine.row(try JSONValue(parsing: line, maxBytes: EvidenceBounds.lineBytesMax), of: list))
        line.append(0x0A)
        ndjson.update(contentsOf: line)
        bytes.ndjson += Int64(line.count)
        waiting += line
        rows += 1
        waitingRows += 1
    }

    /// Facts without canonical form, or longer than a line may be, are replaced by the hash of their text, as in the sealed log.
    private func line(_ cells: [JSONValue]) throws -> [UInt8] {
        // The refusal is answered by the other form.
        if let line = try? EvidenceLine.bytes(cells, of: list), line.count <= EvidenceBounds.lineBytesMax { return line }
        let bare = zip(list.columns, cells).map { column, cell -> JSONValue in
            column.kind == .json ? ["factsSHA256": .string(SHA256.hexText(cell.text.utf8))] : cell
        }
        return try EvidenceLine.bytes(bare, of: list)
    }

    var facts: EvidenceListFacts {
        var facts = EvidenceListFacts(list, query: query)
        facts.rows = rows
        facts.files = [
            ("ndjson", bytes.ndjson, ndjson.digest().hexText), ("csv", bytes.csv, csv.digest().hexText),
        ]
        return facts
    }
}

/// Writes pieces of one try beside the snapshot that they are read from, and keeps its claim alive.
private final class PieceWriter {
    private let platform: Platform
    private let row: EvidencePackRow
    private let claim: (lane: Int32, id: Int64)
    private let settings: EvidenceSettings
    private var rows: Int64 = 0

    init(platform: Platform, row: EvidencePackRow, claim: (lane: Int32, id: Int64), settings: EvidenceSettings) {
        self.platform = platform
        self.row = row
        self.claim = claim
        self.settings = settings
    }

    /// What waits, as one piece; false when a later try has begun.
    func put(_ lines: ListLines, _ list: EvidenceList) async throws -> Bool {
        rows += lines.waitingRows
        guard rows <= EvidenceBounds.rowsMax else {
            throw Refusal(
                .tooLarge, reason: "evidence.rows",
                "The pack has more than \(EvidenceBounds.rowsMax) rows. Ask for a shorter time.")
        }
        let (row, claim, total) = (row, claim, rows)
        var piece: SQL?
        if !lines.waiting.isEmpty {
            lines.seq += 1
            piece = EvidenceQueries.putPiece(
                tenant: row.tenant, id: row.id, attempt: row.attempt, list: list.name, seq: lines.seq,
                content: String(decoding: lines.waiting, as: UTF8.self))
        }
        (lines.waiting, lines.waitingRows) = ([], 0)
        let written = piece
        let isOurs = try await platform.store.withTenant(row.tenant) { tx in
            let advanced = try await tx.query(
                EvidenceQueries.advance(tenant: row.tenant, id: row.id, attempt: row.attempt, rows: total))
            guard !advanced.isEmpty else { return false }
            if let written { try await tx.execute(written) }
            return true
        }
        let until = platform.clock.now.adding(seconds: settings.claimSeconds)
        try await platform.store.withLane(claim.lane) { tx in
            _ = try await tx.execute(EvidenceQueries.hide(lane: claim.lane, id: claim.id, until: until))
        }
        return isOurs
    }
}
