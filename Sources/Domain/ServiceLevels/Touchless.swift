internal import Kernel

/// Whether runs completed without anybody having touched them.
package enum Touchless {
    /// What is said of a run that nobody touched.
    package static let untouched = "untouched"

    /// What decides a run: how it was touched first, else how it ended, and `untouched` when it completed by itself.
    package static func cause(ended: String, touched: String?) -> String {
        touched ?? (ended == "completed" ? untouched : ended)
    }

    private static let members = ["kind", "id", "expect", "working", "atLeast", "tiers", "runs"]
    static let runsMax = 100_000

    /// `{atLeast, tiers?, runs: [{ended, touched?}]}` becomes `{n, met, missed, kept, creditPercent, causes}`.
    static func explain(_ document: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> JSONValue? {
        guard let fields = DocumentFields(document, at: pointer, known: members, issues: &issues) else { return nil }
        let before = issues.count
        let share = fields.decimal("atLeast", issues: &issues)
        if let share, share > .one {
            issues.append(AssetIssue(fields.child("atLeast"), "A share is at most 1.", remedy: "Write 80 % as \"0.8\"."))
        }
        let tiers = fields.items("tiers", max: ServiceBounds.tiersMax, issues: &issues).compactMap { item, at in
            Availability.readTier(item, at: at, issues: &issues)
        }
        var causes: [String: Int64] = [:]
        for (item, at) in fields.items("runs", max: runsMax, isRequired: true, issues: &issues) {
            guard let run = DocumentFields(item, at: at, known: ["run", "ended", "touched"], issues: &issues) else { continue }
            let ended = run.word("ended", of: ["completed", "faulted", "cancelled"], issues: &issues)
            let touched = run.text("touched", isRequired: false, issues: &issues)
            if let ended { causes[cause(ended: ended, touched: touched), default: 0] += 1 }
        }
        guard issues.count == before, let share else { return nil }
        let n = causes.values.reduce(0, +)
        let met = causes[untouched] ?? 0
        return .object([
            "n": JSONValue(n), "met": JSONValue(met), "missed": JSONValue(n - met),
            "kept": n == 0 ? .null : .bool(!ServiceCredits.isUnder(met, of: n, share)),
            "creditPercent": .number(
                JSONNumber(unchecked: ServiceCredits.percent(part: met, of: n, tiers).normalized.description)),
            "causes": .object(JSONObject(causes.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue($0.value)) })),
        ])
    }
}
