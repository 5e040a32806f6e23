internal import Expressions
internal import Kernel
internal import Policies
internal import Tenancy
internal import Workflows

/// Guardrails over the levels: what an upper level says, a lower one may tighten and not loosen.
struct GuardrailCheck {
    private let tree: ConfigurationTree

    init(_ tree: ConfigurationTree) { self.tree = tree }

    func issues() -> [LocatedIssue] {
        let all = tree.assets.compactMap { asset in GuardrailCheck.read(asset).map { (asset: asset, rules: $0) } }
        return all.flatMap { lower in
            all.filter {
                $0.asset.name == lower.asset.name && $0.asset.scope != lower.asset.scope && covers($0.asset, lower.asset)
            }
            .flatMap { upper in
                Guardrails.loosenings(of: lower.rules, under: upper.rules, from: "\(upper.asset.scope)")
                    .map(lower.asset.document.located)
            }
        }
    }

    private func covers(_ upper: Asset, _ lower: Asset) -> Bool { upper.scope.covers(lower.scope) }

    private static func read(_ asset: Asset) -> Guardrails? {
        guard asset.kind == .policy, asset.reading != nil, asset.document.json["kind"]?.string == Policy.Kind.guardrails.rawValue
        else { return nil }
        var ignored: [AssetIssue] = []  // told when the file was read
        return Policy.parse(asset.document.json, issues: &ignored)?.guardrails
    }

    /// The conditions of one file against the canonical invoice, which the room of policies does not know.
    static func typeIssues(in json: JSONValue) -> [AssetIssue] {
        let scope = ExpressionScope([("act", Guardrails.actType), ("invoice", CanonicalTypes.invoice)])
        var found: [AssetIssue] = []
        for (index, rule) in (json["rules"]?.array ?? []).enumerated() {
            guard let source = rule["when"]?.string else { continue }
            _ = CompiledExpression.check(source, in: scope, wanted: .bool, pointer: "/rules/\(index)/when", issues: &found)
        }
        return found
    }
}
