internal import Foundation
internal import Kernel
package import Postgres
internal import Seals

/// Brings a database's schema up to this program's, forward only.
///
/// The files `NNNN_name.sql` of the resource bundle are applied in order, each in a transaction of its own, under an advisory lock,
/// so that several servers may start at once. A file that was applied and reads differently today is refused, and so is a
/// database that knows more than this program does.
package struct Migrator: Sendable {
    private struct File {
        let number: Int32
        let name: String
        let bytes: [UInt8]
        var hash: [UInt8] { SHA256.hash(bytes) }
    }

    private let store: Store

    package init(_ store: Store) { self.store = store }

    /// Answers the names of what was applied now. Refuses `schema.changed` and `schema.newer`.
    package func migrate() async throws -> [String] {
        let files = try Migrator.files()
        try await store.direct.withTransaction(.login) { tx in
            _ = try await tx.execute("SELECT pg_advisory_xact_lock(471100)")
            _ = try await tx.execute(
                """
                CREATE TABLE IF NOT EXISTS schema_migration (
                    number integer PRIMARY KEY, name text NOT NULL, sha256 bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
                """)
        }
        var applied: [String] = []
        for file in files where try await apply(file) { applied.append(file.name) }
        let known = try await store.direct.withTransaction(.login) { tx in
            try await tx.query("SELECT coalesce(max(number), 0) AS number FROM schema_migration").first?.get("number", as: Int32.self) ?? 0
        }
        guard known <= files.last?.number ?? 0 else {
            throw Refusal(
                .conflict, reason: "schema.newer",
                "The database is at migration \(known), this program knows \(files.last?.number ?? 0). Run the newer program.")
        }
        return applied
    }

    private func apply(_ file: File) async throws -> Bool {
        try await store.direct.withTransaction(.login) { tx in
            _ = try await tx.execute("SELECT pg_advisory_xact_lock(471100)")
            if let row = try await tx.query("SELECT sha256 FROM schema_migration WHERE number = \(file.number)").first {
                guard try row.get("sha256", as: [UInt8].self) == file.hash else {
                    throw Refusal(
                        .conflict, reason: "schema.changed",
                        "Migration \(file.name) was applied with other text. A merged migration is never edited; add a new one.")
                }
                return false
            }
            _ = try await tx.pipeline(Migrator.statements(of: String(decoding: file.bytes, as: UTF8.self)))
            _ = try await tx.execute(
                "INSERT INTO schema_migration (number, name, sha256) VALUES (\(file.number), \(file.name), \(file.hash))")
            return true
        }
    }

    private static func files() throws -> [File] {
        guard let folder = Bundle.module.path(forResource: "Migrations", ofType: nil) else {
            throw Fault("find the migrations", "the resource bundle is missing beside the program", isRetryable: false)
        }
        let names = try FileBytes.names(in: folder).filter { $0.hasSuffix(".sql") }.sorted()
        return try names.map { name in
            guard let number = Int32(name.prefix(4)) else { throw Fault("read migration \(name)", "its name has no number", isRetryable: false) }
            return File(number: number, name: name, bytes: try FileBytes.read(folder + "/" + name, maxBytes: 4_194_304))
        }
    }

    /// The statements of a file: split at semicolons outside quotes, dollar quotes and comments.
    static func statements(of text: String) -> [SQL] {
        var out: [SQL] = []
        var current = ""
        var rest = Substring(text)
        func take(_ count: Int) {
            current += rest.prefix(count)
            rest = rest.dropFirst(count)
        }
        func takeThrough(_ end: String) {
            while !rest.isEmpty, !rest.hasPrefix(end) { take(1) }
            take(end.count)
        }
        while let character = rest.first {
            if rest.hasPrefix("--") {
                rest = rest.drop { $0 != "\n" }
            } else if rest.hasPrefix("$$") {
                take(2)
                takeThrough("$$")
            } else if character == "'" {
                take(1)
                takeThrough("'")
            } else if character == ";" {
                rest = rest.dropFirst()
                if current.contains(where: { !$0.isWhitespace }) { out.append(SQL(unescaped: current)) }
                current = ""
            } else {
                take(1)
            }
        }
        if current.contains(where: { !$0.isWhitespace }) { out.append(SQL(unescaped: current)) }
        return out
    }
}
