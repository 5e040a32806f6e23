package import Kernel

/// What both sides of a contract signed outside of the product, as its file says: the member `signed`.
///
/// It names the exact text by its hash, so a file that is edited afterwards no longer carries these signatures.
package struct ContractPaper: Hashable, Sendable {
    package static let member = "signed"

    package let hash: String
    package let signatures: [ContractSignature]

    package static let shape = ObjectShape(
        "signatures on paper", "Who signed this text for each side, and when; recorded by whoever applies the file.",
        [
            required(
                "hash", .text(.contentHash),
                "SHA-256 of the canonical document without `signed`; `countersign contract hash FILE`."),
            required("provider", .object(signerShape), "who signed for the operator or the partner."),
            required("tenant", .object(signerShape), "who signed for the tenant."),
        ])

    private static let signerShape = ObjectShape(
        "a signature on paper", "One side's signature.",
        [
            required("name", .text(.line), "the name that was signed."),
            required("at", .text(.instant), "when it was signed."),
        ])

    /// Reads what has passed its shape; nil when there is none.
    static func parse(_ json: JSONValue?, issues: inout [AssetIssue]) -> ContractPaper? {
        guard let json, let hash = json["hash"]?.string else { return nil }
        let signatures = ContractSide.allCases.compactMap { side -> ContractSignature? in
            guard let entry = json[side.rawValue], let name = entry["name"]?.string,
                let at = entry["at"]?.string.flatMap({ Moment($0) })
            else { return nil }
            return ContractSignature(side: side, person: nil, natural: nil, name: name, at: at, hash: hash)
        }
        if Set(signatures.map(\.name)).count < signatures.count {
            issues.append(
                AssetIssue(
                    "/signed/tenant/name", "One person signed for both sides.",
                    remedy: "Each side signs by a person of its own."))
        }
        return ContractPaper(hash: hash, signatures: signatures)
    }

    /// The document that is signed: everything but the signatures.
    package static func terms(of content: JSONValue) -> JSONValue {
        guard var object = content.object else { return content }
        object[member] = nil
        return .object(object)
    }
}

extension TextRule {
    package static let contentHash = TextRule(
        "a SHA-256 in hexadecimal", pattern: "^[0-9a-f]{64}$", length: 64...64,
        remedy: "Write the 64 lower-case digits that `countersign contract hash FILE` prints."
    ) { text in text.utf8.allSatisfy { $0.isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) } }
}
