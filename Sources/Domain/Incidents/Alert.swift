package import Kernel

/// One alert as it was raised: which, for whom, and the facts that a person needs first.
///
/// Raising one never fails: missing facts read as `-`, long ones are cut. Trouble must not be lost for want of a detail.
package struct Alert: Sendable, Hashable {
    package static let factsMax = 20
    package static let factNameBytesMax = 64
    package static let factBytesMax = 500
    package static let titleBytesMax = 200
    /// Of one fact inside a fingerprint.
    package static let fingerprintFactBytesMax = 80

    package let name: AlertName
    package let tenant: TenantID
    package let severity: Severity
    package let facts: [String: String]
    /// The run it is about, where it is about one.
    package let run: RunID?

    /// `severity` is the catalogue's unless given. Of more than 20 facts the first by name are kept.
    package init(_ name: AlertName, tenant: TenantID, severity: Severity? = nil, facts: [String: String] = [:], run: RunID? = nil)
    {
        self.name = name
        self.tenant = tenant
        self.severity = severity ?? name.definition.severity
        let kept = facts.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.prefix(Alert.factsMax)
        self.facts = Dictionary(
            kept.map { (cut($0.key, Alert.factNameBytesMax), cut($0.value, Alert.factBytesMax)) },
            uniquingKeysWith: { first, _ in first })
        self.run = run
    }

    /// The sentence of the catalogue with its facts.
    package var title: String {
        var out = ""
        var rest = Substring(name.definition.title)
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            out += rest[..<open] + words(String(rest[rest.index(after: open)..<close]))
            rest = rest[rest.index(after: close)...]
        }
        return cut(out + rest, Alert.titleBytesMax)
    }

    /// A fact as a sentence says it: names of objectives are written with hyphens and read without.
    private func words(_ fact: String) -> String {
        let value = facts[fact].flatMap { $0.isEmpty ? nil : $0 } ?? "-"
        return fact == "objective" ? String(value.map { $0 == "-" && value.count > 1 ? " " : $0 }) : value
    }

    /// What is one trouble: tenant, alert, and the facts that the catalogue names. Two tenants never share one.
    package var fingerprint: String {
        var parts = [tenant.text, name.rawValue]
        for fact in name.definition.fingerprintFacts {
            // The separators of the fingerprint itself are taken out of what others wrote.
            let value = (facts[fact] ?? "").map { $0 == "|" || $0 == "=" || $0.isNewline ? "_" : $0 }
            parts.append(fact + "=" + cut(String(value), Alert.fingerprintFactBytesMax))
        }
        return parts.joined(separator: "|")
    }
}

/// At most `bytes` of UTF-8, cut between characters.
func cut(_ text: String, _ bytes: Int) -> String {
    guard text.utf8.count > bytes else { return text }
    var kept = ""
    var used = 0
    for character in text {
        used += character.utf8.count
        guard used <= bytes - 3 else { break }
        kept.append(character)
    }
    return kept + "…"
}
