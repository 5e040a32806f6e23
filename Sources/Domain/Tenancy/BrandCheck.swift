internal import Branding
package import Kernel

/// What stands between a brand and its publication, each with its place in the file and the way out.
package enum BrandCheck {
    /// `above` runs from the next level up to the operator; `others` are names of scopes that this one must not be taken for.
    package static func issues(
        _ brand: BrandDocument, of scope: Scope, above: [(scope: Scope, brand: BrandDocument)], others: [String]
    ) -> [AssetIssue] {
        var issues: [AssetIssue] = []
        for field in BrandDocument.Field.allCases {
            let isSet = brand.values[field] != nil || brand.translations.values.contains { $0[field] != nil }
            guard isSet, let lock = above.first(where: { $0.brand.locks.contains(field) }) else { continue }
            issues.append(
                AssetIssue(
                    BrandDocument.pointer(to: field), "`\(field.rawValue)` is locked by the \(lock.scope.level.rawValue).",
                    remedy: "Remove it here, or ask for the lock to be lifted."))
        }
        if brand.values[.secondPerson] != nil, scope != .operator {
            issues.append(
                AssetIssue(
                    "/secondPerson", "Only the operator says when a second person has to confirm.", remedy: "Remove it here."))
        }
        for field in [BrandDocument.Field.displayName, .mailFromName] {
            guard let name = brand.values[field], let flaw = SenderName.flaw(name, others: others) else { continue }
            issues.append(AssetIssue(BrandDocument.pointer(to: field), flaw.message, remedy: flaw.remedy))
        }
        let resolved = ResolvedBrand([(scope, brand)] + above)
        return issues + contrast(resolved, brand)
    }

    /// Every pair that fails is told once, at the colour that somebody set.
    private static func contrast(_ resolved: ResolvedBrand, _ brand: BrandDocument) -> [AssetIssue] {
        let report = resolved.contrast
        guard !report.passes else { return [] }
        let found = report.repairs.compactMap { repair -> AssetIssue? in
            guard let field = BrandDocument.Field(repair.role, isDark: repair.isDark) else { return nil }
            let way =
                repair.color.map { "The nearest that passes is \"\($0)\"." } ?? "Remove it, so that the colour is derived."
            return AssetIssue(
                BrandDocument.pointer(to: field),
                "\(repair.from) is too hard to tell apart: \(repair.pair) has \(ContrastReport.text(repair.ratio)) to 1 and "
                    + "needs \(ContrastReport.text(repair.needs)).", remedy: way)
        }
        guard found.isEmpty, let first = report.failures.first else { return found }
        return [
            AssetIssue(
                "/palette", "\(first.name) needs \(ContrastReport.text(first.needs)) to 1 in both themes.",
                remedy: "Remove the colours set by hand.")
        ]
    }

    /// What differs between two brands of a level, field by field: `nil` where it was or is not set.
    package static func changes(
        from old: BrandDocument?, to new: BrandDocument
    ) -> [(field: String, title: String, from: String?, to: String?, isSensitive: Bool)] {
        var out: [(field: String, title: String, from: String?, to: String?, isSensitive: Bool)] = []
        let before = old ?? BrandDocument(values: [:])
        for field in BrandDocument.Field.allCases {
            if before.values[field] != new.values[field] {
                out.append((field.rawValue, field.title, before.values[field], new.values[field], field.isSensitive))
            }
            for language in BrandLanguage.allCases {
                let (was, now) = (before.translations[language]?[field], new.translations[language]?[field])
                guard was != now else { continue }
                out.append(
                    (
                        "\(field.rawValue).\(language.rawValue)", "\(field.title) (\(language.rawValue))", was, now,
                        field.isSensitive
                    ))
            }
        }
        for kind in MailKind.allCases {
            for language in BrandLanguage.allCases {
                func text(_ brand: BrandDocument) -> String? {
                    brand.mails.first { $0.kind == kind && $0.language == language }.map { "\($0.subject)\n\n\($0.body)" }
                }
                guard text(before) != text(new) else { continue }
                let name = "\(kind.name).\(language.rawValue)"
                out.append((name, "Mail \(kind.name) (\(language.rawValue))", text(before), text(new), true))
            }
        }
        let (was, now) = (before.locks.map(\.rawValue).sorted(), new.locks.map(\.rawValue).sorted())
        if was != now { out.append(("locks", "Locks", was.joined(separator: ", "), now.joined(separator: ", "), true)) }
        return out
    }
}
