internal import Branding
package import Kernel
package import Tenancy

/// What `apply` sends: all scopes and all documents of a folder as one JSON value, each with its version and hash.
///
/// Made from a checked tree, read again by the server, which believes none of the hashes.
package struct ConfigurationBundle: Sendable {
    package static let format = "countersign.bundle/1"
    package static let assetsMax = 20_000

    /// A row of the hierarchy.
    package struct ScopeEntry: Sendable, Hashable {
        package let scope: Scope
        /// Short name, unique over all levels; the operator's is its own and not `operator`.
        package let slug: String
        package let name: String
        package let locale: String
        package let timeZone: String

        package init(scope: Scope, slug: String, name: String, locale: String, timeZone: String) {
            self.scope = scope
            self.slug = slug
            self.name = name
            self.locale = locale
            self.timeZone = timeZone
        }
    }

    /// One document as published.
    package struct Entry: Sendable, Hashable {
        package let scope: Scope
        package let kind: AssetKind
        package let name: String
        /// The author's number, or `h-` and twelve digits of the hash for settings.
        package let version: String
        /// Hex SHA-256 of the canonical form of `content`.
        package let hash: String
        package let content: JSONValue

        package init(scope: Scope, kind: AssetKind, name: String, version: String, hash: String, content: JSONValue) {
            self.scope = scope
            self.kind = kind
            self.name = name
            self.version = version
            self.hash = hash
            self.content = content
        }

        /// Scope, kind and name: what stays the same from version to version.
        package var key: String { "\(scope.path)/\(kind.rawValue)/\(name)" }
    }

    /// A picture that a brand of the bundle names.
    package struct Picture: Sendable, Hashable {
        package let scope: Scope
        package let name: String
        package let bytes: [UInt8]
    }

    package let scopes: [ScopeEntry]
    package let entries: [Entry]
    package let pictures: [Picture]

    package init(scopes: [ScopeEntry], entries: [Entry], pictures: [Picture] = []) {
        self.scopes = scopes
        self.entries = entries
        self.pictures = pictures
    }

    /// Bundles a tree that has no errors; `sha256` is the one hash function of the installation.
    package init(_ tree: ConfigurationTree, sha256: ([UInt8]) -> [UInt8]) throws(Refusal) {
        guard let provider = tree.operatorFile else {
            throw Refusal(.invalid, reason: "bundle.operator", "The folder has no usable operator file.")
        }
        var scopes = [
            ScopeEntry(
                scope: .operator, slug: provider.slug, name: provider.name, locale: provider.locale, timeZone: provider.timeZone)
        ]
        scopes += tree.partners.sorted { $0.slug < $1.slug }.map {
            ScopeEntry(scope: .partner($0.slug), slug: $0.slug, name: $0.name, locale: $0.locale, timeZone: $0.timeZone)
        }
        scopes += tree.tenants.sorted { $0.slug < $1.slug }.map {
            ScopeEntry(scope: $0.scope, slug: $0.slug, name: $0.name, locale: $0.locale, timeZone: $0.timeZone)
        }
        var entries: [Entry] = []
        // Tests and patterns are for those who write; what was made with them is whole without them.
        for asset in tree.assets where asset.kind != .policyTests && asset.kind != .pattern {
            let content = asset.kind == .brand ? tree.stored(asset, sha256: sha256) : asset.document.json
            let hash = try ConfigurationBundle.hash(of: content, of: asset.name, sha256: sha256)
            entries.append(
                Entry(
                    scope: asset.scope, kind: asset.kind, name: asset.name,
                    version: asset.authoredVersion ?? "h-\(hash.prefix(12))",
                    hash: hash, content: content))
        }
        let pictures = tree.pictures.map { Picture(scope: $0.scope, name: $0.storedName(sha256: sha256), bytes: $0.file.bytes) }
        self.init(
            scopes: scopes, entries: entries.sorted { ConfigurationBundle.order($0) < ConfigurationBundle.order($1) },
            pictures: Set(pictures).sorted { ($0.scope.path, $0.name) < ($1.scope.path, $1.name) })
    }

    private static func order(_ entry: Entry) -> (Int, String) {
        let depth =
            switch entry.scope.level {
            case .operator: 0
            case .partner: 1
            case .tenant: 2
            }
        return (depth, entry.key)
    }

    static func hash(of content: JSONValue, of name: String, sha256: ([UInt8]) -> [UInt8]) throws(Refusal) -> String {
        do throws(JSONParseFailure) {
            return sha256(try content.canonicalBytes()).hexText
        } catch {
            throw Refusal(.invalid, reason: "bundle.canonical", "\(name) has no canonical form: \(error.message)")
        }
    }

    /// The value that is sent; members in a fixed order, so equal folders give equal bytes.
    package var json: JSONValue {
        .object([
            "format": .string(ConfigurationBundle.format),
            "scopes": .array(
                scopes.map { entry in
                    .object([
                        "path": .string(entry.scope.path), "parent": entry.scope.parent.map { .string($0.path) } ?? .null,
                        "slug": .string(entry.slug), "name": .string(entry.name), "locale": .string(entry.locale),
                        "timezone": .string(entry.timeZone),
                    ])
                }),
            "assets": .array(
                entries.map { entry in
                    .object([
                        "scope": .string(entry.scope.path), "kind": .string(entry.kind.rawValue), "name": .string(entry.name),
                        "version": .string(entry.version), "hash": .string(entry.hash), "content": entry.content,
                    ])
                }),
            "pictures": pictures.isEmpty
                ? nil
                : JSONValue.array(
                    pictures.map {
                        [
                            "scope": .string($0.scope.path), "name": .string($0.name),
                            "data": .string(Base64.encode($0.bytes)),
                        ]
                    }),
        ])
    }

    /// Hex SHA-256 over everything sent; what a second person approves.
    package func hash(sha256: ([UInt8]) -> [UInt8]) throws(Refusal) -> String {
        try ConfigurationBundle.hash(of: json, of: "The bundle", sha256: sha256)
    }

    /// Reads what was sent. Refuses unknown scopes and kinds, two documents of one name, and hashes that do not fit.
    package init(json: JSONValue, sha256: ([UInt8]) -> [UInt8]) throws(Refusal) {
        guard json["format"]?.string == ConfigurationBundle.format else {
            throw .bundle("its format is not \(ConfigurationBundle.format)")
        }
        var scopes: [String: ScopeEntry] = [:]
        var order: [String] = []
        for item in json["scopes"]?.array ?? [] {
            guard let path = item["path"]?.string, let slug = item["slug"]?.string, let name = item["name"]?.string,
                let locale = item["locale"]?.string, let timeZone = item["timezone"]?.string
            else { throw .bundle("a scope lacks members") }
            let partner = item["parent"]?.string.map { String($0.dropFirst("partner/".count)) }
            guard let scope = Scope(path: path, partner: partner), scopes[path] == nil, TextRule.slug.problem(with: slug) == nil
            else {
                throw .bundle("`\(path.prefix(80))` is not a scope, or stands there twice")
            }
            guard scope.parent.map({ scopes[$0.path] != nil }) ?? true else {
                throw .bundle("`\(path)` stands before its parent")
            }
            scopes[path] = ScopeEntry(scope: scope, slug: slug, name: name, locale: locale, timeZone: timeZone)
            order.append(path)
        }
        guard scopes["operator"] != nil else { throw .bundle("the operator is missing") }
        guard Set(scopes.values.map(\.slug)).count == scopes.count else { throw .bundle("two scopes share a short name") }
        let items = json["assets"]?.array ?? []
        guard items.count <= ConfigurationBundle.assetsMax else {
            throw .bundle("it has more than \(ConfigurationBundle.assetsMax) documents")
        }
        var entries: [Entry] = []
        var keys: Set<String> = []
        for item in items {
            let entry = try ConfigurationBundle.entry(item, scopes: scopes, sha256: sha256)
            guard keys.insert(entry.key).inserted else { throw .bundle("`\(entry.key)` stands there twice") }
            entries.append(entry)
        }
        var pictures: [Picture] = []
        for item in json["pictures"]?.array ?? [] {
            guard let path = item["scope"]?.string, let scope = scopes[path]?.scope, let name = item["name"]?.string,
                let bytes = item["data"]?.string.flatMap({ Base64.decode($0) })
            else { throw .bundle("a picture lacks members") }
            pictures.append(Picture(scope: scope, name: name, bytes: bytes))
        }
        self.init(scopes: order.compactMap { scopes[$0] }, entries: entries, pictures: pictures)
    }

    private static func entry(
        _ item: JSONValue, scopes: [String: ScopeEntry], sha256: ([UInt8]) -> [UInt8]
    ) throws(Refusal) -> Entry {
        guard let path = item["scope"]?.string, let scope = scopes[path]?.scope,
            let kind = item["kind"]?.string.flatMap(AssetKind.init(rawValue:)), let name = item["name"]?.string,
            TextRule.slug.problem(with: name) == nil, let version = item["version"]?.string, let content = item["content"]
        else { throw .bundle("a document lacks members, or names an unknown scope or kind") }
        let hash = try hash(of: content, of: name, sha256: sha256)
        guard item["hash"]?.string == hash else { throw .bundle("the hash of `\(path)/\(name)` does not fit its content") }
        let expected = kind.isVersioned ? content["version"]?.string : "h-\(hash.prefix(12))"
        guard version == expected else { throw .bundle("the version of `\(path)/\(name)` is not that of its content") }
        return Entry(scope: scope, kind: kind, name: name, version: version, hash: hash, content: content)
    }
}

extension ConfigurationBundle {
    /// Judges every document again with the parsers of the tree, for a server that trusts no client's check.
    package func issues() -> [(entry: Entry, issue: AssetIssue)] {
        entries.flatMap { entry in
            var found: [AssetIssue] = []
            if entry.kind != .runbook { _ = AssetKinds.read(entry.kind, entry.content, scope: entry.scope, issues: &found) }
            return found.map { (entry, $0) }
        }
    }
}

extension Refusal {
    fileprivate static func bundle(_ what: String) -> Refusal {
        Refusal(.invalid, reason: "bundle.form", "This is not a configuration bundle: \(what).")
    }
}
