internal import Branding
package import Kernel
internal import Postgres
package import Records
internal import Seals
package import Tenancy

extension BrandStudio {
    /// Publishes the draft that was on the screen, or asks a second person where the change wants one.
    ///
    /// Whoever asked does not count twice, under whatever account; a program publishes nothing.
    package func publish(number: Int32, revision: Int32, as actor: Actor, in row: ScopeRow, node: Scope) async throws -> Outcome {
        guard !actor.isMachine else {
            throw Refusal(
                .forbidden, reason: "brand.machine", "\(actor.name) is a machine. What people see is a person's decision.")
        }
        let desk = try await desk(row, node: node)
        guard let draft = desk.draft, draft.number == number, draft.revision == revision else {
            throw BrandStudio.changedMeanwhile
        }
        if let issue = desk.issues.first(where: { $0.severity == .error }) {
            throw Refusal(
                .unprocessable, reason: "brand.issues",
                "Version \(number) cannot be published. \(issue.pointer): \(issue.message) \(issue.remedy)",
                facts: ["field": issue.pointer])
        }
        let wantsSecond = desk.secondPersonReason
        if wantsSecond != nil, let asker = draft.askedByNatural, asker == actor.natural {
            throw Refusal(
                .forbidden, reason: "brand.second", "You asked for this publication. Somebody else confirms it.",
                facts: ["rule": "second-person"])
        }
        let now = platform.clock.now
        let isAsking = wantsSecond != nil && draft.askedBy == nil
        let changes = BrandCheck.changes(from: desk.own, to: desk.edited)
        try await platform.store.withTenant(row.id) { [self] tx in
            let known = try await tx.query(BrandQueries.lock(tenant: row.id)).map(BrandVersionRow.init)
            guard var open = known.first(where: \.isOpen), open.number == number, open.revision == revision else {
                throw BrandStudio.changedMeanwhile
            }
            var content: JSONObject = [
                "version": JSONValue(Int(number)), "hash": .string(try ObjectHash.hexText(of: open.content)),
                "changed": .array(changes.map { .string($0.field) }),
            ]
            if let restores = open.restores { content["restores"] = JSONValue(Int(restores)) }
            if isAsking {
                (open.askedBy, open.askedByNatural) = (actor.person, actor.natural)
            } else {
                try await tx.execute(BrandQueries.supersede(tenant: row.id, at: now))
                (open.state, open.publishedAt, open.publishedBy) = ("published", now, actor.person)
                if let asker = open.askedBy { content["askedBy"] = JSONValue(asker) }
                try await BrandStudio.makeCurrent(open.content, row, platform, now: now, by: actor.person, tx: tx)
            }
            open.revision += 1
            open.changedAt = now
            guard try await tx.query(BrandQueries.update(open, from: revision)).count == 1 else {
                throw BrandStudio.changedMeanwhile
            }
            let action = isAsking ? "brand.asked" : "brand.published"
            try await tx.execute(
                AuditQueries.insert([BrandStudio.entry(platform.newID(), row, action, .object(content), actor, now)]))
        }
        if isAsking { return .asked(number) }
        forgetCurrent()
        return .published(number)
    }

    /// The brand in force is the asset that a folder with the same content would bring.
    private static func makeCurrent(
        _ content: JSONValue, _ row: ScopeRow, _ platform: Platform, now: Moment, by person: PersonID, tx: Transaction
    ) async throws {
        let hash = try ObjectHash.of(content)
        let version = "h-\(hash.hexText.prefix(12))"
        let known = try await tx.query(
            AssetQueries.version(tenant: row.id, kind: "brand", name: "brand", version: version)
        ).first.map(AssetRow.init)
        let id: AssetID = known?.id ?? platform.newID()
        if known == nil {
            let asset = AssetRow(
                tenant: row.id, id: id, kind: "brand", name: "brand", version: version, contentHash: hash, content: content,
                publishedAt: now)
            _ = try await tx.query(AssetQueries.publish(asset, by: person))
        }
        _ = try await tx.query(AssetQueries.makeCurrent(tenant: row.id, kind: "brand", name: "brand", asset: id, at: now))
    }

    /// A folder brought a brand, or took it away (nil): it is a version like any other, made by nobody.
    static func record(applied content: JSONValue?, tenant: TenantID, at now: Moment, tx: Transaction) async throws {
        let known = try await tx.query(BrandQueries.lock(tenant: tenant)).map(BrandVersionRow.init)
        try await tx.execute(BrandQueries.supersede(tenant: tenant, at: now))
        guard let content else { return }
        var row = BrandVersionRow(
            tenant: tenant, number: (known.first?.number ?? 0) + 1, state: "published", content: content, madeBy: nil,
            madeByNatural: nil, madeAt: now)
        row.publishedAt = now
        guard try await tx.query(BrandQueries.insert(row)).count == 1 else { throw changedMeanwhile }
    }

    /// A picture that was read and is the same made anew.
    struct Checked: Sendable {
        let name: String
        let file: LogoFile

        func row(tenant: TenantID, at now: Moment, by person: PersonID?) -> BrandFileRow {
            BrandFileRow(
                tenant: tenant, name: name, width: Int32(file.width), height: Int32(file.height), bytes: file.bytes,
                storedAt: now, storedBy: person)
        }
    }

    /// Pictures of a bundle were made anew by whoever sent it; that is believed of none of them.
    static func checked(_ pictures: [Applying.Picture]) throws(Refusal) -> [Checked] {
        var out: [Checked] = []
        for picture in pictures {
            let file = LogoSlot.allCases.lazy.compactMap { slot in
                // Whichever place it is for, it has to be what that place would have made of it.
                (try? LogoFile.read(picture.bytes, for: slot)).flatMap { $0.bytes == picture.bytes ? $0 : nil }
            }.first
            guard let file, picture.name == "\(SHA256.hexText(file.bytes)).\(file.form.rawValue)" else {
                throw Refusal(
                    .unprocessable, reason: "brand.picture",
                    "The picture \(picture.name.prefix(80)) of \(picture.scope) is not one that this server would have stored.")
            }
            out.append(Checked(name: picture.name, file: file))
        }
        return out
    }

    /// Refuses a brand of a folder whose pictures were not sent before.
    static func checkPictures(_ content: JSONValue, tenant: TenantID, tx: Transaction) async throws {
        let document = document(content)
        let names = BrandDocument.Field.allCases.compactMap { $0.logoSlot == nil ? nil : document.values[$0] }
        guard !names.isEmpty else { return }
        let stored = Set(
            try await tx.query(BrandQueries.stored(tenant: tenant, names: names)).map { try $0.get("name", as: String.self) })
        guard let gone = names.first(where: { !stored.contains($0) }) else { return }
        throw Refusal(
            .unprocessable, reason: "brand.picture",
            "The brand names the picture \(gone), which is not stored here. Send it first.")
    }

    // MARK: Preview

    package static let previewSeconds: Int64 = 900

    /// A link's secret part: who opens it sees the version named of this scope, and nothing else, until its time is over.
    package func previewToken(_ number: Int32, as actor: Actor, in row: ScopeRow) async throws -> (token: String, until: Moment) {
        let until = platform.clock.now.adding(seconds: BrandStudio.previewSeconds)
        let content: JSONValue = ["number": JSONValue(Int(number)), "until": JSONValue(until)]
        let sealed = platform.secrets.seal(Array(content.text.utf8), at: BrandStudio.previewPlace(row.id))
        let now = platform.clock.now
        try await platform.store.withTenant(row.id) { [platform] tx in
            try await tx.execute(
                AuditQueries.insert([
                    BrandStudio.entry(platform.newID(), row, "brand.shared", content, actor, now)
                ]))
        }
        return ("\(row.id)~\(Base64.encode(sealed, .url))", until)
    }

    private static func previewPlace(_ tenant: TenantID) -> SecretPlace {
        SecretPlace(tenant: tenant, table: "brand_version", column: "preview", row: "link", version: 1)
    }

    /// What a link shows; not found when it is none, is too old, or its draft is gone.
    package func preview(_ token: String) async throws -> (row: ScopeRow, brand: ResolvedBrand, version: BrandVersionRow) {
        let parts = token.split(separator: "~", maxSplits: 1)
        guard token.utf8.count <= 1000, parts.count == 2, let tenant = TenantID(String(parts[0])),
            let sealed = Base64.decode(parts[1], .url),
            // A link that was altered tells no more than one that never was.
            let plain = try? platform.secrets.open(sealed, at: BrandStudio.previewPlace(tenant)),
            // What was sealed here is JSON; anything else is no link of ours.
            let content = try? JSONValue(parsing: plain), let number = content["number"]?.int,
            let until = content["until"]?.string.flatMap({ Moment($0) }), platform.clock.now < until
        else { throw Refusal.nothingThere }
        let row = try await scope(tenant)
        let version = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(BrandQueries.version(tenant: tenant, number: Int32(clamping: number))).first.map(
                BrandVersionRow.init)
        }
        guard let version, version.state != "discarded" else { throw Refusal.nothingThere }
        let levels = try await levels(of: row)
        let node = try await node(of: row)
        return (
            row,
            ResolvedBrand(
                [(node, BrandStudio.document(version.content))]
                    + levels.filter { $0.row.id != tenant }.map { ($0.scope, $0.brand) }), version
        )
    }
}
