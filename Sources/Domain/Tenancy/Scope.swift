package import Kernel

/// A node of the hierarchy operator → partner → tenant: where a grant holds and where an asset belongs.
package enum Scope: Hashable, Sendable, CustomStringConvertible {
    case `operator`
    case partner(String)
    /// A tenant and the partner it is sold by.
    case tenant(String, partner: String)

    package enum Level: String, CaseIterable, Sendable, Comparable {
        case `operator`, partner, tenant

        package static func < (lhs: Level, rhs: Level) -> Bool { lhs.depth < rhs.depth }
        private var depth: Int {
            switch self {
            case .operator: 0
            case .partner: 1
            case .tenant: 2
            }
        }
    }

    package var level: Level {
        switch self {
        case .operator: .operator
        case .partner: .partner
        case .tenant: .tenant
        }
    }

    /// The stable name in files, bundles and derived ids: `operator`, `partner/vela`, `tenant/kestrel-labs`.
    package var path: String {
        switch self {
        case .operator: "operator"
        case .partner(let slug): "partner/\(slug)"
        case .tenant(let slug, _): "tenant/\(slug)"
        }
    }

    package var slug: String {
        switch self {
        case .operator: "operator"
        case .partner(let slug), .tenant(let slug, _): slug
        }
    }

    /// The next scope up; nil for the operator.
    package var parent: Scope? {
        switch self {
        case .operator: nil
        case .partner: .operator
        case .tenant(_, let partner): .partner(partner)
        }
    }

    /// Whether `other` is this scope or below it.
    package func covers(_ other: Scope) -> Bool {
        self == other || (other.parent.map { covers($0) } ?? false)
    }

    package var description: String { path }
}

extension ID {
    /// The id that a name always gets: the first 128 bits of a SHA-256 in the custom form of RFC 9562 §5.8 (version 8).
    ///
    /// Scopes, people and assets come from files that know no ids; deriving them makes `apply` repeatable, also against an empty
    /// database. The hash is given, since this room has no cryptography.
    package static func derived(from name: String, sha256: ([UInt8]) -> [UInt8]) -> ID {
        let digest = sha256(Array("countersign:\(name)".utf8))
        precondition(digest.count == 32, "SHA-256 has 32 bytes")
        var words: [UInt64] = [0, 0]
        for (index, byte) in digest.prefix(16).enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
        return ID(
            high: words[0] & 0xFFFF_FFFF_FFFF_0FFF | 0x8000,
            low: words[1] & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }
}

extension Scope {
    /// The id of this scope's row: `TenantID.derived(from: "tenant/kestrel-labs", …)`.
    package func id(sha256: ([UInt8]) -> [UInt8]) -> TenantID { .derived(from: path, sha256: sha256) }
}
