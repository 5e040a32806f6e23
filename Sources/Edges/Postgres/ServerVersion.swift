package import Kernel

/// PostgreSQL's version: `15.20` is 15 and 20.
package struct ServerVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let major: Int
    package let minor: Int

    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// As libpq's `PQserverVersion` counts: 150020.
    package init(number: Int) {
        self.init(major: number / 10_000, minor: number % 10_000)
    }

    /// Reads the answer of `postgres --version`: `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`.
    package init?(programOutput: String) {
        guard let word = programOutput.split(separator: " ").first(where: { $0.utf8.first.map { $0 >= 48 && $0 <= 57 } ?? false })
        else { return nil }
        let parts = word.split(separator: ".", maxSplits: 1)
        guard let major = Int(parts[0]) else { return nil }
        let minor = parts.count > 1 ? Int(parts[1].prefix { $0.isASCII && $0.isNumber }) : nil
        self.init(major: major, minor: minor ?? 0)
    }

    package var description: String { "\(major).\(minor)" }

    package static func < (lhs: Self, rhs: Self) -> Bool { (lhs.major, lhs.minor) < (rhs.major, rhs.minor) }

    /// The oldest major version whose features and row security we rely on.
    package static let majorMin = 15

    /// First minor of each major version with the fix of CVE-2025-8713: before it, statistics leak rows past row security.
    private static let safeMinor = [15: 14, 16: 10, 17: 6]

    /// Refuses a server on which tenants are not safe from each other.
    package func permit() throws(Refusal) {
        guard major >= ServerVersion.majorMin else {
            throw Refusal(
                .unavailable, reason: "postgres.version",
                "PostgreSQL \(self) is too old: Countersign needs version \(ServerVersion.majorMin) or newer.",
                facts: ["version": description])
        }
        guard let safe = ServerVersion.safeMinor[major], minor < safe else { return }
        throw Refusal(
            .unavailable, reason: "postgres.version",
            "PostgreSQL \(self) has a known leak past row security (CVE-2025-8713). Install version \(major).\(safe) or newer.",
            facts: ["version": description])
    }
}
