internal import Kernel
internal import Tenancy
internal import Workflows

/// Workflows that run inside others: that each is there in the version that is named, and that none contains itself.
struct InnerWorkflows {
    private let tree: ConfigurationTree

    init(_ tree: ConfigurationTree) { self.tree = tree }

    func issues() -> [LocatedIssue] {
        var found: [LocatedIssue] = []
        for asset in tree.assets where asset.kind == .workflow || asset.kind == .candidate {
            for inner in asset.reading?.inner ?? [] { found += check(inner, of: asset) }
        }
        return found
    }

    /// A workflow and all that run inside it, as a scope sees them; each once.
    func all(_ name: String, from scope: Scope) -> [Asset] {
        var out: [Asset] = []
        var pending = [name]
        while let next = pending.popLast() {
            guard let asset = tree.visible(.workflow, next, from: scope), !out.contains(where: { $0.name == asset.name }) else {
                continue
            }
            out.append(asset)
            pending += asset.reading?.inner.map(\.name) ?? []
        }
        return out
    }

    private func check(_ inner: (name: String, version: String, pointer: String), of asset: Asset) -> [LocatedIssue] {
        func issue(_ member: String, _ message: String, _ remedy: String) -> [LocatedIssue] {
            [asset.document.located(AssetIssue("\(inner.pointer)/\(member)", message, remedy: remedy))]
        }
        guard let target = tree.visible(.workflow, inner.name, from: asset.scope) else {
            let near = nearestName(to: inner.name, among: tree.visibleNames(.workflow, from: asset.scope))
            return issue(
                "name", "There is no workflow `\(inner.name)` for \(asset.scope).",
                near.map { "Did you mean `\($0)`?" } ?? "Write it, or correct the name.")
        }
        if let version = target.authoredVersion, version != inner.version {
            return issue(
                "version", "The workflow `\(inner.name)` has version \(version), not \(inner.version).",
                "Look at what version \(version) changes, then name it here.")
        }
        if let way = way(from: target, to: asset.name, from: asset.scope, passed: []) {
            return issue(
                "name", "The workflow contains itself: \(([asset.name] + way).joined(separator: " → ")).",
                "Take one of them out of the other.")
        }
        if depth(of: target, from: asset.scope) >= RunBounds.runsDeepMax {
            return issue("name", "Workflows run more than \(RunBounds.runsDeepMax) deep inside one another.", "Flatten them.")
        }
        return []
    }

    /// Names on the way from a workflow to another one that runs inside it; nil when there is none.
    private func way(from asset: Asset, to name: String, from scope: Scope, passed: [String]) -> [String]? {
        if asset.name == name { return [name] }
        guard !passed.contains(asset.name) else { return nil }
        for inner in asset.reading?.inner ?? [] {
            guard let next = tree.visible(.workflow, inner.name, from: scope) else { continue }
            if let rest = way(from: next, to: name, from: scope, passed: passed + [asset.name]) { return [asset.name] + rest }
        }
        return nil
    }

    /// Levels of runs, the workflow's own counted; stops where it is too many anyway.
    private func depth(of asset: Asset, from scope: Scope, level: Int = 1) -> Int {
        guard level < RunBounds.runsDeepMax + 1 else { return 1 }
        let deepest = (asset.reading?.inner ?? []).compactMap { tree.visible(.workflow, $0.name, from: scope) }
            .map { depth(of: $0, from: scope, level: level + 1) }.max()
        return (deepest ?? 0) + 1
    }
}
