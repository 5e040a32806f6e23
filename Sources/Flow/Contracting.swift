package import Kernel
internal import Postgres
package import Records
package import Seals
package import Tenancy

/// Contracts on their way from a draft to the last day: handing in, signing by both sides, turning down, ending.
///
/// What governs is what two people of two sides signed by its hash. Everything that is decided is decided by `ContractLife`;
/// here it is loaded, stored with its audit entry and its periods in one transaction, and forgotten by the library.
package struct Contracting: Sendable {
    let platform: Platform
    let assets: AssetLibrary
    private let signing: SigningRing

    package init(platform: Platform, assets: AssetLibrary, signing: SigningRing) {
        self.platform = platform
        self.assets = assets
        self.signing = signing
    }

    /// Where a version stands, in the words of pages and lists.
    package enum Standing: String, Sendable, CaseIterable {
        case drafted
        case inReview = "in-review"
        case rejected
        /// Signed, and its time has not come.
        case awaited
        case inForce = "in-force"
        /// Its periods are over: a later version took its place, it ran out, or both sides ended it.
        case over
    }

    /// A version with its text and its periods.
    package struct Version: Sendable {
        package let row: ContractRow
        package let life: ContractLife
        package let periods: [ContractPeriodRow]

        init(_ row: ContractRow, _ periods: [ContractPeriodRow]) throws(Fault) {
            self.row = row
            self.periods = periods.filter { $0.asset == row.asset }
            life = try Contracting.life(of: row)
        }

        package func standing(at now: Moment) -> Standing {
            switch life.phase {
            case .drafted: return .drafted
            case .inReview: return .inReview
            case .rejected: return .rejected
            case .signed, .ended:
                if periods.contains(where: { $0.from <= now && ($0.to.map { now < $0 } ?? true) }) { return .inForce }
                return periods.contains { $0.from > now } ? .awaited : .over
            }
        }
    }

    static let nothing = Refusal(.notFound, reason: "not-found", "There is no contract here by that name.")
    private static let meanwhile = Refusal(
        .conflict, reason: "contract.race", "Somebody acted on this contract at the same moment. Look at it again.")

    // MARK: Reading

    /// Every version of every contract, the newest first.
    package func all(_ tenant: TenantID) async throws -> [Version] {
        let found = try await platform.store.withTenant(tenant) { tx in
            try await tx.pipeline([ContractQueries.all(tenant: tenant), ContractQueries.periods(tenant: tenant)])
        }
        return try Contracting.versions(found[0], periods: found[1])
    }

    /// Apart from the query and never part of it: the optimizer of Swift 6.3 breaks down over typed errors in an async function
    /// that this would be put into.
    @inline(never)
    private static func versions(_ rows: Rows, periods: Rows) throws -> [Version] {
        let known = try periods.map(ContractPeriodRow.init)
        var out: [Version] = []
        for row in rows { out.append(try Version(try ContractRow(row), known)) }
        return out
    }

    /// The titles of all versions.
    package func titles(_ tenant: TenantID) async throws -> [AssetID: String] {
        let ids = try await all(tenant).map(\.row.asset)
        let texts = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(AssetQueries.load(tenant: tenant, ids: ids)).map(AssetRow.init)
        }
        return Dictionary(texts.map { ($0.id, $0.content["title"]?.string ?? $0.name) }, uniquingKeysWith: { first, _ in first })
    }

    /// One version with its text, and the version that was signed or drafted before it, if any.
    package func find(
        _ asset: AssetID, in tenant: TenantID
    ) async throws -> (version: Version, content: JSONValue, earlier: (version: Version, content: JSONValue)?) {
        let all = try await all(tenant)
        guard let version = all.first(where: { $0.row.asset == asset }) else { throw Contracting.nothing }
        let earlier = all.filter { $0.row.name == version.row.name && $0.row.draftedAt < version.row.draftedAt }
            .max { $0.row.draftedAt < $1.row.draftedAt }
        let ids = [asset] + [earlier?.row.asset].compactMap(\.self)
        let texts = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(AssetQueries.load(tenant: tenant, ids: ids)).map(AssetRow.init)
        }
        guard let content = texts.first(where: { $0.id == asset })?.content else { throw Contracting.nothing }
        let before = earlier.flatMap { earlier in
            texts.first { $0.id == earlier.row.asset }.map { (version: earlier, content: $0.content) }
        }
        return (version, content, before)
    }

    /// Whether the seal of a signature is one of the key it names over what it says. Paper has none.
    package static func isSealGood(_ signature: ContractSignature, of row: ContractRow) -> Bool {
        guard let seal = signature.seal, let key = Base64.decode(seal.key).flatMap({ VerifyingKey($0) }),
            let bytes = Base64.decode(seal.signature),
            // A statement that has no canonical form was never signed.
            let said = try? message(signature, row)
        else { return false }
        return key.isValid(bytes, over: said)
    }

    private static func message(_ signature: ContractSignature, _ row: ContractRow) throws -> [UInt8] {
        Array(ContractSignature.purpose.utf8)
            + (try signature.statement(of: row.name, version: row.version, tenant: row.tenant).canonicalBytes())
    }

    // MARK: Acts of people

    /// An act on one version as the version then stands.
    package enum Act: Sendable {
        case submit
        case sign(hash: String)
        case reject(reason: String)
        case end(at: Moment, reason: String)
    }

    /// Carries out an act of a person who has proved to be there. A machine signs nothing and ends nothing.
    package func act(
        _ act: Act, on asset: AssetID, side: ContractSide, as actor: Actor, scope: ScopeRow
    ) async throws -> Version {
        guard !actor.isMachine else {
            throw Refusal(
                .forbidden, reason: "contract.machine", "\(actor.name) is a machine. Contracts are between people.")
        }
        let now = platform.clock.now
        if case .end(let at, _) = act, at < now {
            throw Refusal(
                .invalid, reason: "contract.end-past", "A contract ends now or later; what has been counted stays counted.",
                facts: ["field": "at"])
        }
        let party = ContractLife.Party(side: side, person: actor.person, natural: actor.natural, name: actor.name)
        do {
            try await platform.store.withTenant(scope.id) { [self] tx in
                guard
                    var row = try await tx.query(ContractQueries.lock(tenant: scope.id, asset: asset)).first.map(ContractRow.init)
                else { throw Contracting.nothing }
                var life = try Contracting.life(of: row)
                let actions = try life.handle(try event(act, by: party, on: row, at: now))
                let revision = row.revision
                if case .submit = act { (row.submittedAt, row.submittedBy) = (now, actor.person) }
                Contracting.write(life, into: &row)
                guard try await tx.query(ContractQueries.update(row, from: revision)).count == 1 else {
                    throw Contracting.meanwhile
                }
                try await Contracting.carryOut(actions, row, by: actor.person, side: side, scope, platform, at: now, tx: tx)
            }
        } catch let failure as PostgresFailure where failure.constraint == ContractQueries.oneAtATime {
            throw Contracting.shared(name: "another contract", version: "", from: now, to: nil)
        }
        assets.invalidate()
        return try await find(asset, in: scope.id).version
    }

    private func event(
        _ act: Act, by party: ContractLife.Party, on row: ContractRow, at now: Moment
    ) throws -> ContractLife.Event {
        switch act {
        case .submit: return .submitted
        case .reject(let reason): return .rejected(by: party, reason: reason)
        case .end(let at, let reason): return .endAsked(at: at, by: party, reason: reason)
        case .sign(let hash):
            let plain = ContractSignature(
                side: party.side, person: party.person, natural: party.natural, name: party.name, at: now, hash: hash)
            guard let key = signing.keys.first else { return .signed(plain) }
            let seal = ContractSignature.Seal(
                signature: Base64.encode(key.signature(over: try Contracting.message(plain, row))),
                key: Base64.encode(key.publicKey.bytes))
            return .signed(plain.sealed(seal))
        }
    }

    // MARK: Files

    /// A folder brought a version, or brought an earlier one back: a draft, or, where it carries signatures on paper, a contract.
    static func brought(
        _ asset: AssetRow, by person: PersonID?, _ scope: ScopeRow, _ platform: Platform, at now: Moment, tx: Transaction
    ) async throws {
        guard scope.kind == "tenant" else { return }
        var issues: [AssetIssue] = []
        guard let document = ContractDocument.parse(asset.content, issues: &issues) else {
            throw Refusal(
                .unprocessable, reason: "configuration.contract",
                issues.first?.description ?? "The contract \(asset.name) does not read.")
        }
        let hash = try ObjectHash.hexText(of: ContractPaper.terms(of: asset.content))
        if let paper = document.paper, paper.hash != hash {
            throw Refusal(
                .unprocessable, reason: "contract.paper",
                "The signatures of contract \(asset.name) \(asset.version) are over another text: `signed.hash` is "
                    + "\(paper.hash.prefix(12))… and the text's is \(hash). Have the new text signed, or leave `signed` out.",
                facts: ["field": "/signed/hash"])
        }
        let fresh = ContractRow(
            tenant: scope.id, asset: asset.id, name: asset.name, version: asset.version, workflow: document.workflow ?? "",
            hash: hash, draftedAt: now, draftedBy: person)
        try await tx.execute(ContractQueries.insert(fresh))
        guard var row = try await tx.query(ContractQueries.lock(tenant: scope.id, asset: asset.id)).first.map(ContractRow.init)
        else { throw nothing }
        var life = try life(of: row)
        var actions: [ContractLife.Action] = []
        switch life.phase {
        case .drafted, .inReview:
            guard let paper = document.paper else { return }
            actions = try life.handle(.signedOnPaper(paper.signatures))
        // What was signed once and comes back governs again from now on.
        case .signed: actions = [.record("contract.restored"), .putInForce(notBefore: now)]
        case .rejected, .ended: return
        }
        let revision = row.revision
        write(life, into: &row)
        _ = try await tx.query(ContractQueries.update(row, from: revision))
        try await carryOut(actions, row, document, by: person, side: .provider, scope, platform, at: now, tx: tx)
    }

    /// A folder no longer has the contract: it ends now.
    static func dropped(_ name: String, tenant: TenantID, at now: Moment, tx: Transaction) async throws {
        for sql in ContractQueries.cut(tenant: tenant, name: name, at: now) { _ = try await tx.execute(sql) }
    }

    // MARK: What follows

    private static func carryOut(
        _ actions: [ContractLife.Action], _ row: ContractRow, _ known: ContractDocument? = nil, by person: PersonID?,
        side: ContractSide, _ scope: ScopeRow, _ platform: Platform, at now: Moment, tx: Transaction
    ) async throws {
        for action in actions {
            switch action {
            case .record(let deed):
                try await tx.execute(AuditQueries.insert([entry(deed, row, side, scope, by: person, platform, at: now)]))
            case .cut(let at):
                for sql in ContractQueries.cut(tenant: row.tenant, name: row.name, at: at) { _ = try await tx.execute(sql) }
            case .putInForce(let earliest):
                let document = try await text(of: row, known, tx)
                try await putInForce(row, document, notBefore: earliest, at: now, tx: tx)
            }
        }
    }

    private static func text(of row: ContractRow, _ known: ContractDocument?, _ tx: Transaction) async throws -> ContractDocument
    {
        if let known { return known }
        var issues: [AssetIssue] = []
        let asset = try await tx.query(AssetQueries.load(tenant: row.tenant, ids: [row.asset])).first.map(AssetRow.init)
        guard let document = asset.flatMap({ ContractDocument.parse($0.content, issues: &issues) }) else { throw nothing }
        return document
    }

    /// The version governs from its own beginning, not before the last signature, and not before now where an earlier version
    /// governs: what has been promised and counted stays as it was.
    private static func putInForce(
        _ row: ContractRow, _ document: ContractDocument, notBefore earliest: Moment, at now: Moment, tx: Transaction
    ) async throws {
        let known = try await tx.query(ContractQueries.periods(tenant: row.tenant)).map(ContractPeriodRow.init)
        let own = known.filter { $0.name == row.name }
        var from = max(document.effectiveFrom, earliest)
        if own.contains(where: { $0.from < now }) { from = max(from, now) }
        if let to = document.effectiveTo, to <= from {
            throw Refusal(
                .unprocessable, reason: "contract.over",
                "The contract \(row.name) \(row.version) would end at \(to), before it could begin at \(from).",
                facts: ["field": "effectiveTo"])
        }
        for sql in ContractQueries.cut(tenant: row.tenant, name: row.name, at: from) { _ = try await tx.execute(sql) }
        let period = ContractPeriodRow(
            asset: row.asset, name: row.name, version: row.version, workflow: row.workflow, from: from, to: document.effectiveTo)
        if let other = try await tx.query(ContractQueries.sharing(period, tenant: row.tenant)).first.map(ContractPeriodRow.init) {
            throw shared(
                name: other.name, version: other.version, from: max(from, other.from),
                to: [period.to, other.to].compactMap(\.self).min())
        }
        _ = try await tx.execute(ContractQueries.begin(period, tenant: row.tenant))
    }

    private static func shared(name: String, version: String, from: Moment, to: Moment?) -> Refusal {
        let days = "from \(from.text(fraction: 0)) " + (to.map { "to \($0.text(fraction: 0))" } ?? "on, without end")
        return Refusal(
            .conflict, reason: "contract.overlap",
            "Two contracts would be in force: \(version.isEmpty ? name : "\(name) \(version)") governs these runs \(days). "
                + "End one (`effectiveTo`) where the other begins (`effectiveFrom`).",
            facts: ["contract": name, "version": version, "from": from.text(fraction: 0), "to": to?.text(fraction: 0) ?? ""])
    }

    private static func entry(
        _ deed: String, _ row: ContractRow, _ side: ContractSide, _ scope: ScopeRow, by person: PersonID?, _ platform: Platform,
        at now: Moment
    ) -> AuditRow {
        AuditRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: person == nil ? "system" : "person",
            actor: person?.text ?? "apply", action: deed, objectType: "contract", objectID: row.asset.text, run: nil,
            content: .object([
                "contract": .string(row.name), "version": .string(row.version), "hash": .string(row.hash),
                "side": .string(side.rawValue), "phase": .string(row.phase), "signatures": row.signatures, "ending": row.ending,
                "rejection": row.rejection.isEmpty ? nil : .string(row.rejection),
            ]))
    }

    private static func life(of row: ContractRow) throws(Fault) -> ContractLife {
        guard let phase = ContractLife.Phase(rawValue: row.phase) else {
            throw Fault("read contract \(row.name) \(row.version)", "no such phase", isRetryable: false)
        }
        return ContractLife(
            hash: row.hash, phase: phase, signatures: (row.signatures.array ?? []).compactMap { ContractSignature(json: $0) },
            ending: row.ending.flatMap { ContractLife.ending(json: $0) }, rejection: row.rejection)
    }

    private static func write(_ life: ContractLife, into row: inout ContractRow) {
        row.phase = life.phase.rawValue
        row.signatures = .array(life.signatures.map(\.json))
        row.ending = life.endingJSON
        row.rejection = life.rejection
        row.revision += 1
    }
}
