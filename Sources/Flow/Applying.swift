package import Kernel
internal import Postgres
package import Records
internal import Seals
package import Tenancy

/// Publishes configuration: every asset of a bundle as an immutable version, and what they imply (scopes, people, accounts).
///
/// Idempotent: applying the same bundle again changes nothing. The caller has checked the files and the right to apply.
package struct Applying: Sendable {
    /// One asset as `countersign apply` sends it.
    package struct Asset: Sendable {
        package let scope: Scope
        package let kind: String
        package let name: String
        package let version: String
        package let content: JSONValue

        package init(scope: Scope, kind: String, name: String, version: String, content: JSONValue) {
            self.scope = scope
            self.kind = kind
            self.name = name
            self.version = version
            self.content = content
        }
    }

    /// A picture that a brand of the bundle names, as it will be served.
    package struct Picture: Sendable {
        /// The scope's path.
        package let scope: String
        package let name: String
        package let bytes: [UInt8]

        package init(scope: String, name: String, bytes: [UInt8]) {
            self.scope = scope
            self.name = name
            self.bytes = bytes
        }
    }

    /// What changed, per asset that was not already so.
    package struct Outcome: Sendable {
        package var published: [String] = []
        /// Earlier versions that are in force again, and what had been retired.
        package var restored: [String] = []
        /// What was in force and is not in the folder any more.
        package var retired: [String] = []
        package var unchanged = 0
        package var peopleDisabled = 0

        package var json: JSONValue {
            [
                "published": .array(published.map(JSONValue.string)), "retired": .array(retired.map(JSONValue.string)),
                "restored": .array(restored.map(JSONValue.string)),
                "unchanged": JSONValue(unchanged),
                "peopleDisabled": JSONValue(peopleDisabled),
            ]
        }
    }

    package static let assetsMax = 5000

    private let platform: Platform
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory
    /// A lane has something to do.
    private let wake: @Sendable (Int32) -> Void

    package init(
        platform: Platform, assets: AssetLibrary, scopes: ScopeDirectory, wake: @escaping @Sendable (Int32) -> Void = { _ in }
    ) {
        self.wake = wake
        self.platform = platform
        self.assets = assets
        self.scopes = scopes
    }

    /// Publishes scope by scope, upper scopes first; each scope is one transaction. A version that exists with other content is
    /// refused before anything of that scope is written.
    ///
    /// A scope in the bundle is brought whole: what it had besides is retired. Its versions stay for whoever is pinned to them,
    /// and nothing new finds it. Scopes that the bundle does not name are left as they are: a missing folder never ends a tenant.
    package func apply(_ bundle: [Asset], pictures: [Picture] = [], by person: PersonID?) async throws -> Outcome {
        guard bundle.count <= Applying.assetsMax else {
            throw Refusal(.tooLarge, reason: "configuration.size", "A bundle may have at most \(Applying.assetsMax) assets.")
        }
        var outcome = Outcome()
        let partnerOf = Applying.partners(in: bundle)
        let sparing = bundle.contains { $0.kind == "runbook" } ? [] : ["runbook"]
        let order = Set(bundle.map(\.scope)).sorted { ($0.level, $0.path) < ($1.level, $1.path) }
        for scope in order {
            let own = bundle.filter { $0.scope == scope }
            let shown = try BrandStudio.checked(pictures.filter { $0.scope == scope.path })
            try await apply(
                own, shown, scope: scope, sparing: sparing, partnerOf: partnerOf, by: person, outcome: &outcome)
        }
        assets.invalidate()
        scopes.invalidate()
        try await readClocks(after: outcome, of: order)
        return outcome
    }

    /// Clocks that run see a calendar that was published over theirs (R12), so those below its scope are read anew.
    private func readClocks(after outcome: Outcome, of applied: [Scope]) async throws {
        let new = outcome.published.filter { $0.contains("/calendar/") }
        guard !new.isEmpty else { return }
        for scope in applied where new.contains(where: { $0.hasPrefix("\(scope.path)/calendar/") }) {
            let cause = "calendars/\(platform.clock.now.microseconds)"
            let lanes = try await Maintaining.reread(
                below: scope.id { SHA256.hash($0) }, because: cause, platform: platform, scopes: scopes)
            for lane in lanes { wake(lane) }
        }
    }

    private func apply(
        _ own: [Asset], _ pictures: [BrandStudio.Checked], scope: Scope, sparing: [String], partnerOf: [String: String],
        by person: PersonID?, outcome: inout Outcome
    ) async throws {
        let now = platform.clock.now
        let row = try scopeRow(scope, assets: own)
        let sha: @Sendable ([UInt8]) -> [UInt8] = { SHA256.hash($0) }
        let registered =
            row.kind == "tenant"
            ? try await Onboardings.registration(of: row.slug, platform: platform, scopes: scopes) : nil
        let hashed = try own.map { ($0, try ObjectHash.of($0.content)) }
        let result = try await platform.store.withTenant(row.id) { [platform] tx -> Outcome in
            var result = Outcome()
            try await tx.execute(ScopeQueries.put(row, at: now))
            try await Onboardings.begin(row, registered: registered, by: person, platform: platform, at: now, tx: tx)
            for picture in pictures {
                try await tx.execute(BrandQueries.store(picture.row(tenant: row.id, at: now, by: person)))
            }
            for (asset, hash) in hashed {
                let known = try await tx.query(
                    AssetQueries.version(tenant: row.id, kind: asset.kind, name: asset.name, version: asset.version)
                ).first.map(AssetRow.init)
                if let known, known.contentHash != hash { throw Applying.changed(asset) }
                let id: AssetID = known?.id ?? platform.newID()
                let published = AssetRow(
                    tenant: row.id, id: id, kind: asset.kind, name: asset.name, version: asset.version, contentHash: hash,
                    content: asset.content, publishedAt: now)
                if known == nil {
                    _ = try await tx.query(AssetQueries.publish(published, by: nil))
                    result.published.append("\(scope.path)/\(asset.kind)/\(asset.name)@\(asset.version)")
                }
                if asset.kind == "brand" { try await BrandStudio.checkPictures(asset.content, tenant: row.id, tx: tx) }
                let moved = try await tx.query(
                    AssetQueries.makeCurrent(tenant: row.id, kind: asset.kind, name: asset.name, asset: id, at: now))
                if !moved.isEmpty { try await follow(published, in: row, by: person, at: now, tx: tx) }
                if known != nil {
                    if moved.isEmpty {
                        result.unchanged += 1
                    } else {
                        result.restored.append("\(scope.path)/\(asset.kind)/\(asset.name)@\(asset.version)")
                    }
                }
            }
            let gone = try await tx.query(
                AssetQueries.retire(
                    tenant: row.id, besides: own.map(\.kind), names: own.map(\.name), sparing: sparing, at: now))
            for asset in gone {
                let (kind, name) = (try asset.get("kind", as: String.self), try asset.get("name", as: String.self))
                result.retired.append("\(scope.path)/\(kind)/\(name)@\(try asset.get("version", as: String.self))")
                if kind == "brand" { try await BrandStudio.record(applied: nil, tenant: row.id, at: now, tx: tx) }
                if kind == "contract" { try await Contracting.dropped(name, tenant: row.id, at: now, tx: tx) }
            }
            var named: [PersonID] = []
            if let people = own.first(where: { $0.kind == "people" }) {
                named = try await putPeople(
                    people, scope: scope, tenant: row.id, partnerOf: partnerOf, now: now, sha: sha, tx: tx)
            }
            result.peopleDisabled = try await dismiss(besides: named, tenant: row.id, now: now, tx: tx)
            if !result.published.isEmpty || !result.restored.isEmpty || !result.retired.isEmpty || result.peopleDisabled > 0 {
                try await tx.execute(AuditQueries.insert([entry(row.id, person: person, outcome: result, now: now)]))
                try await planSchedules(of: row, own, at: now, tx: tx)
            }
            return result
        }
        outcome.published += result.published
        outcome.restored += result.restored
        outcome.retired += result.retired
        outcome.unchanged += result.unchanged
        outcome.peopleDisabled += result.peopleDisabled
    }

    /// What a newly current version means besides itself.
    private func follow(_ asset: AssetRow, in row: ScopeRow, by person: PersonID?, at now: Moment, tx: Transaction) async throws {
        if asset.kind == "brand" {
            try await BrandStudio.record(applied: asset.content, tenant: row.id, at: now, tx: tx)
        }
        if asset.kind == "contract" { try await Contracting.brought(asset, by: person, row, platform, at: now, tx: tx) }
    }

    /// A tenant's lane plans its schedules anew as of this transaction. What the library says of them is seen by `Scheduling`.
    private func planSchedules(of scope: ScopeRow, _ own: [Asset], at now: Moment, tx: Transaction) async throws {
        guard scope.kind == "tenant" else { return }
        if !own.contains(where: { $0.kind == "workflow" && $0.content["schedule"] != nil }) {
            let known = try await tx.query(ScheduleQueries.all(tenant: scope.id))
            guard !known.isEmpty else { return }
        }
        _ = try await tx.query(CommandQueries.insert(Scheduling.sync(scope, id: platform.newID(), at: now)))
    }

    /// Whoever is not named any more loses roles, sessions, keys and claims, in the transaction that says so; what they
    /// claimed is free for their colleagues.
    private func dismiss(besides named: [PersonID], tenant: TenantID, now: Moment, tx: Transaction) async throws -> Int {
        let gone = try await tx.query(ScopeQueries.disablePeople(tenant: tenant, besides: named)).map {
            try $0.get("id", as: PersonID.self)
        }
        guard !gone.isEmpty else { return 0 }
        _ = try await tx.pipeline([
            SignInQueries.endSessions(tenant: tenant, people: gone, now: now),
            SignInQueries.revokeKeys(tenant: tenant, people: gone, now: now),
            TaskQueries.releaseClaims(tenant: tenant, of: gone),
        ])
        return gone.count
    }

    private func putPeople(
        _ asset: Asset, scope: Scope, tenant: TenantID, partnerOf: [String: String], now: Moment,
        sha: @Sendable ([UInt8]) -> [UInt8], tx: Transaction
    ) async throws -> [PersonID] {
        var issues: [AssetIssue] = []
        guard let document = PeopleDocument.parse(asset.content, scope: scope, issues: &issues),
            issues.allSatisfy({ $0.severity == .warning })
        else {
            throw Refusal(
                .unprocessable, reason: "configuration.people", issues.first?.description ?? "The people file does not read.")
        }
        var ids: [PersonID] = []
        var machines: [PersonID] = []
        for person in document.resolvingTenants(partnerOf: { partnerOf[$0] }).people {
            let id = person.id(in: scope, sha256: sha)
            // One natural person across scopes: the address is the link until an identity provider says more.
            let natural = PersonID.derived(from: "natural/\(SigningIn.fold(person.email))", sha256: sha)
            ids.append(id)
            let grants = JSONValue.object([
                "grants": .array(person.grants.map(\.json)),
                "approvalLimit": person.approvalLimit.map { ApprovalLimit.json($0) },
                "title": person.title.map(JSONValue.string),
            ])
            try await tx.execute(
                ScopeQueries.putPerson(
                    PersonRow(
                        tenant: tenant, id: id, slug: person.slug, name: person.name, email: person.email, natural: natural,
                        roles: grants,
                        state: "active"), at: now))
            if person.mayLogin {
                try await tx.execute(
                    SignInQueries.putAccount(tenant: tenant, person: id, emailFolded: SigningIn.fold(person.email)))
            } else {
                machines.append(id)
            }
        }
        // Who signed in until now and is named without sign-in from now on is out at once.
        let dropped = try await tx.query(SignInQueries.dropAccounts(tenant: tenant, people: machines))
            .map { try $0.get("person_id", as: PersonID.self) }
        try await tx.execute(SignInQueries.endSessions(tenant: tenant, people: dropped, now: now))
        return ids
    }

    private func scopeRow(_ scope: Scope, assets: [Asset]) throws -> ScopeRow {
        let sha: ([UInt8]) -> [UInt8] = { SHA256.hash($0) }
        let kind = scope.level.rawValue
        guard let document = assets.first(where: { $0.kind == kind })?.content else {
            throw Refusal(
                .unprocessable, reason: "configuration.scope", "The bundle has assets of \(scope.path) but not its \(kind) file.")
        }
        let id = scope.id(sha256: sha)
        // A stable spread: the same tenant lies in the same lane on every installation of the same lane count.
        let lane = Int32(truncatingIfNeeded: id.low % UInt64(platform.settings.laneCount))
        return ScopeRow(
            id: id, kind: kind, slug: scope.level == .operator ? "operator" : scope.slug,
            name: document["name"]?.string ?? scope.slug,
            parent: scope.parent.map { $0.id(sha256: sha) }, lane: lane, locale: document["locale"]?.string ?? "en",
            timeZone: document["timezone"]?.string ?? "UTC", state: "active")
    }

    private static func partners(in bundle: [Asset]) -> [String: String] {
        var out: [String: String] = [:]
        for asset in bundle {
            if case .tenant(let slug, let partner) = asset.scope { out[slug] = partner }
        }
        return out
    }

    private static func changed(_ asset: Asset) -> Refusal {
        Refusal(
            .conflict, reason: "configuration.version",
            "\(asset.kind) \(asset.name) version \(asset.version) is published with other content. Give the change a new version."
        )
    }

    private func entry(_ tenant: TenantID, person: PersonID?, outcome: Outcome, now: Moment) -> AuditRow {
        AuditRow(
            tenant: tenant, id: platform.newID(), lane: 0, at: now, actorKind: person == nil ? "system" : "person",
            actor: person?.text ?? "apply",
            action: "configuration.applied", objectType: "scope", objectID: tenant.text, run: nil,
            content: [
                "published": .array(outcome.published.map(JSONValue.string)),
                "retired": .array(outcome.retired.map(JSONValue.string)),
                "restored": .array(outcome.restored.map(JSONValue.string)), "peopleDisabled": JSONValue(outcome.peopleDisabled),
            ])
    }

    /// A current asset with how much unfinished work rests on it: runs that are pinned to it, or tasks of a connection.
    package struct Published: Sendable {
        package let scope: ScopeRow
        package let asset: AssetRow
        package let inUse: Int
    }

    /// What the server has, for `plan`: every current asset of every scope.
    package func current() async throws -> [Published] {
        var rows: [(scope: ScopeRow, asset: AssetRow)] = []
        var pinned: [AssetID: Int] = [:]
        var connected: [String: Int] = [:]
        for scope in try await scopes.all().sorted(by: { $0.slug < $1.slug }) {
            let found = try await platform.store.withTenant(scope.id) { tx in
                try await tx.pipeline([
                    AssetQueries.current(tenant: scope.id), RunQueries.openByPin(tenant: scope.id),
                    TaskQueries.openByConnection(tenant: scope.id),
                ])
            }
            rows += try found[0].map(AssetRow.init).map { (scope: scope, asset: $0) }
            // The library is the operator's, and runs of all tenants rest on it.
            for row in found[1] {
                pinned[try row.get("asset", as: AssetID.self), default: 0] += Int(try row.get("n", as: Int64.self))
            }
            for row in found[2] {
                connected["\(scope.id)/\(try row.get("connection", as: String.self))"] = Int(try row.get("n", as: Int64.self))
            }
        }
        return rows.map { scope, asset in
            let tasks = asset.kind == "connection" ? connected["\(scope.id)/\(asset.name)"] ?? 0 : 0
            return Published(scope: scope, asset: asset, inUse: tasks + (pinned[asset.id] ?? 0))
        }
    }

    /// Stores a connection secret, sealed for this tenant, name and version; it is never read back but by leases.
    package func setSecret(_ value: String, name: String, in tenant: TenantID, by person: PersonID?) async throws {
        let now = platform.clock.now
        try await platform.store.withTenant(tenant) { [self] tx in
            try await setSecret(value, name: name, in: tenant, by: person, at: now, tx: tx)
        }
    }

    /// The same within a transaction of the caller; answers the version it has become.
    @discardableResult
    func setSecret(
        _ value: String, name: String, in tenant: TenantID, by person: PersonID?, at now: Moment, tx: Transaction
    ) async throws -> Int32 {
        try Applying.check(secret: value)
        let known =
            try await tx.query(SecretQueries.version(tenant: tenant, name: name)).first?.get("version", as: Int32.self) ?? 0
        let place = SecretPlace(
            tenant: tenant, table: "connection_secret", column: "sealed", row: name, version: Int(known + 1))
        let sealed = platform.secrets.seal(Array(value.utf8), at: place)
        let print = platform.secrets.fingerprint(of: Array(value.utf8), tenant: tenant)
        let rows = try await tx.query(
            SecretQueries.put(tenant: tenant, name: name, version: known + 1, sealed: sealed, fingerprint: print, at: now))
        guard rows.count == 1 else {
            throw Refusal(.conflict, reason: "secret.race", "Someone set this secret at the same moment.")
        }
        try await tx.execute(
            AuditQueries.insert([
                AuditRow(
                    tenant: tenant, id: platform.newID(), lane: 0, at: now, actorKind: person == nil ? "system" : "person",
                    actor: person?.text ?? "apply", action: "secret.set", objectType: "secret", objectID: name, run: nil,
                    content: ["version": JSONValue(Int(known + 1)), "fingerprint": .string(print)])
            ]))
        return known + 1
    }

    private static func check(secret value: String) throws(Refusal) {
        guard (1...4096).contains(value.utf8.count) else {
            throw Refusal(.invalid, reason: "secret.size", "A secret has 1 to 4096 bytes.", facts: ["field": "value"])
        }
    }
}
