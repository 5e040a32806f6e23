package import Kernel
package import Tenancy

/// A document as the server has it now.
package struct PublishedAsset: Sendable, Hashable {
    /// `operator`, `partner/vela`, `tenant/kestrel-labs`.
    package let scope: String
    package let kind: String
    package let name: String
    package let version: String
    package let hash: String
    package let content: JSONValue
    /// Unfinished runs that are pinned to it, or unfinished tasks of a connection; 0 when the list does not say.
    package let inUse: Int

    package init(
        scope: String, kind: String, name: String, version: String, hash: String, content: JSONValue, inUse: Int = 0
    ) {
        self.scope = scope
        self.kind = kind
        self.name = name
        self.version = version
        self.hash = hash
        self.content = content
        self.inUse = inUse
    }

    package init(_ entry: ConfigurationBundle.Entry) {
        self.init(
            scope: entry.scope.path, kind: entry.kind.rawValue, name: entry.name, version: entry.version, hash: entry.hash,
            content: entry.content)
    }

    var key: String { "\(scope)/\(kind)/\(name)" }

    package var json: JSONValue {
        .object([
            "scope": .string(scope), "kind": .string(kind), "name": .string(name), "version": .string(version),
            "hash": .string(hash),
            "content": content,
        ])
    }

    /// Reads an entry of the server's list, or of a bundle that was kept.
    package init(json: JSONValue) throws(Refusal) {
        guard let scope = json["scope"]?.string, let kind = json["kind"]?.string, let name = json["name"]?.string,
            let version = json["version"]?.string, let hash = json["hash"]?.string, let content = json["content"]
        else {
            throw Refusal(
                .invalid, reason: "plan.form", "A published document lacks scope, kind, name, version, hash or content.")
        }
        self.init(
            scope: scope, kind: kind, name: name, version: version, hash: hash, content: content, inUse: json["inUse"]?.int ?? 0)
    }

    /// Reads `{assets: […]}`, which is also how a bundle carries them.
    package static func list(_ json: JSONValue) throws(Refusal) -> [PublishedAsset] {
        guard let items = json["assets"]?.array else {
            throw Refusal(.invalid, reason: "plan.form", "A list of published documents has the member `assets`.")
        }
        return try items.map { item throws(Refusal) in try PublishedAsset(json: item) }
    }
}

/// What applying a bundle would change on a server: per document, field by field, with weakened controls marked.
package struct ConfigurationPlan: Sendable {
    package enum Verdict: String, Sendable, CaseIterable {
        case added, changed, removed, unchanged
        /// The version is published with other content; versions never change.
        case refused
    }

    package struct Item: Sendable {
        package let scope: String
        package let kind: String
        package let name: String
        package let verdict: Verdict
        package let oldVersion: String?
        package let newVersion: String?
        package let changes: [(change: FieldChange, weakens: String?)]
        /// Unfinished work that rests on the old version.
        package let inUse: Int
        /// For policies: what the change means, in words about rules, thresholds and approvers.
        package var meaning: [String] = []

        package var weakened: Int { changes.count { $0.weakens != nil } }

        /// What becomes of the work that rests on something removed; empty when there is none.
        var afterwards: String {
            guard verdict == .removed, inUse > 0 else { return "" }
            return kind == "connection"
                ? "\(inUse) unfinished tasks need it; they wait until it is there again."
                : "\(inUse) unfinished runs rest on it; they keep version \(oldVersion ?? "")."
        }
    }

    /// In the bundle's order, then what the server has besides in the bundle's scopes.
    package let items: [Item]
    /// Scopes that the server has and the bundle has not; applying leaves them as they are.
    package let untouched: [String]

    package init(_ bundle: ConfigurationBundle, against published: [PublishedAsset]) {
        let known = Dictionary(published.map { ($0.key, $0) }) { first, _ in first }
        let watch = ControlWatch(bundle: bundle)
        var items = bundle.entries.map { entry in ConfigurationPlan.item(entry, known[entry.key], watch) }
        let sent = Set(bundle.entries.map(\.key))
        let scopes = Set(bundle.entries.map(\.scope.path))
        untouched = Set(published.map(\.scope)).subtracting(scopes).sorted()
        // Runbooks lie in a folder of their own; a bundle without any says nothing about them.
        let bringsRunbooks = bundle.entries.contains { $0.kind == .runbook }
        for asset in published where !sent.contains(asset.key) && scopes.contains(asset.scope) {
            guard asset.kind != AssetKind.runbook.rawValue || bringsRunbooks else { continue }
            let removal = FieldChange(path: [], old: asset.content, new: nil)
            items.append(
                Item(
                    scope: asset.scope, kind: asset.kind, name: asset.name, verdict: .removed, oldVersion: asset.version,
                    newVersion: nil,
                    changes: watch.weakening(kind: asset.kind, removal).map { [(removal, $0)] } ?? [], inUse: asset.inUse))
        }
        self.items = items
    }

    private static func item(_ entry: ConfigurationBundle.Entry, _ known: PublishedAsset?, _ watch: ControlWatch) -> Item {
        func item(_ verdict: Verdict, _ changes: [FieldChange]) -> Item {
            Item(
                scope: entry.scope.path, kind: entry.kind.rawValue, name: entry.name, verdict: verdict,
                oldVersion: known?.version,
                newVersion: entry.version, changes: changes.map { ($0, watch.weakening(kind: entry.kind.rawValue, $0)) },
                inUse: known?.inUse ?? 0)
        }
        guard let known else { return item(.added, []) }
        if known.hash == entry.hash { return item(.unchanged, []) }
        let changes = JSONDifference.changes(from: known.content, to: entry.content)
        var changed = item(entry.kind.isVersioned && known.version == entry.version ? .refused : .changed, changes)
        if entry.kind == .policy { changed.meaning = PolicyMeaning.sentences(from: known.content, to: entry.content) }
        return changed
    }

    package func count(_ verdict: Verdict) -> Int { items.count { $0.verdict == verdict } }
    package var weakened: Int { items.reduce(0) { $0 + $1.weakened } }
    package var isRefused: Bool { items.contains { $0.verdict == .refused } }
    package var isEmpty: Bool { items.allSatisfy { $0.verdict == .unchanged } }

    package var json: JSONValue {
        .object([
            "summary": .object(
                JSONObject(
                    Verdict.allCases.map { (key: $0.rawValue, value: JSONValue(count($0))) } + [
                        (key: "weakened", value: JSONValue(weakened))
                    ])),
            "untouched": .array(untouched.map(JSONValue.string)),
            "items": .array(
                items.filter { $0.verdict != .unchanged }.map { item in
                    .object([
                        "scope": .string(item.scope), "kind": .string(item.kind), "name": .string(item.name),
                        "verdict": .string(item.verdict.rawValue), "from": item.oldVersion.map(JSONValue.string),
                        "to": item.newVersion.map(JSONValue.string), "inUse": JSONValue(item.inUse),
                        "meaning": item.meaning.isEmpty ? nil : .array(item.meaning.map(JSONValue.string)),
                        "changes": .array(
                            item.changes.map { entry in
                                .object([
                                    "path": .array(entry.change.path.map(JSONValue.string)), "old": entry.change.old,
                                    "new": entry.change.new,
                                    "sentence": .string(entry.change.sentence), "weakens": entry.weakens.map(JSONValue.string),
                                ])
                            }),
                    ])
                }),
        ])
    }

    /// For people: a line a document, a line a change; `+ ~ - !` for added, changed, removed, refused; `▼` before what weakens
    /// a control.
    package var text: String {
        var lines: [String] = []
        for item in items where item.verdict != .unchanged {
            let versions =
                switch (item.oldVersion, item.newVersion) {
                case (let old?, let new?) where old != new: " \(old) → \(new)"
                case (_, let new?): " \(new)"
                case (let old?, nil): " \(old)"
                case (nil, nil): ""
                }
            lines.append("\(ConfigurationPlan.sign(item.verdict)) \(item.scope)  \(item.kind)/\(item.name)\(versions)")
            if item.verdict == .refused {
                lines.append("    Version \(item.newVersion ?? "") is published with other content. Raise `version`.")
            }
            if !item.afterwards.isEmpty { lines.append("    \(item.afterwards)") }
            lines += item.meaning.map { "  • \($0)" }
            // Where the meaning is told, single members would say it a second time; what weakens a control is always shown.
            for entry in item.changes where item.meaning.isEmpty || entry.weakens != nil {
                lines.append("  \(entry.weakens == nil ? " " : "▼") \(entry.change.sentence)")
                if let weakens = entry.weakens { lines.append("      weakens a control: \(weakens)") }
            }
        }
        for scope in untouched { lines.append("? \(scope) is on the server and not in the folder; it is left as it is.") }
        if isEmpty { lines.append("Nothing would change.") }
        lines.append(
            "\(count(.added)) added, \(count(.changed)) changed, \(count(.removed)) removed, \(count(.unchanged)) unchanged, "
                + "\(count(.refused)) refused, \(weakened) weakened")
        return lines.joined(separator: "\n")
    }

    private static func sign(_ verdict: Verdict) -> String {
        switch verdict {
        case .added: "+"
        case .changed: "~"
        case .removed: "-"
        case .unchanged: "="
        case .refused: "!"
        }
    }
}
