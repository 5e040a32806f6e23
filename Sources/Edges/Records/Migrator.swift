internal import Foundation
internal import Kernel
package import Postgres
internal import Seals

/// Brings a database's schema up to this program's, forward only.
///
/// The files `NNNN_name.sql` of the resource bundle are applied in order, each in a transaction of its own, under an advisory
/// lock, so that several servers may start at once. A file that was applied and reads differently today is refused, and so is a
/// database that knows more than this program does; then nothing is applied at all.
package struct Migrator: Sendable {
    /// A migration that is still running after this is stuck.
    private static let limitMilliseconds = 600_000
    private static let fileBytesMax = 4_194_304
    /// Any number will do, as long as it is always this one.
    private static let lockNumber = 471_100

    private struct File: Sendable {
        let number: Int32
        let name: String
        let text: String
        let hash: [UInt8]
    }

    private let store: Store
    private let directory: String?

    /// `directory` takes the place of the bundle's own files, for tests.
    package init(_ store: Store, directory: String? = nil) {
        self.store = store
        self.directory = directory
    }

    /// Answers the names of what was applied now. Refuses `schema.changed` and `schema.newer`; an error of SQL names its file.
    package func migrate() async throws -> [String] {
        let files = try readFiles()
        try await locked { tx in
            try await tx.execute(
                """
                CREATE TABLE IF NOT EXISTS schema_migration (
                    number integer PRIMARY KEY, name text NOT NULL, sha256 bytea NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now())
                """)
        }
        var applied: [String] = []
        for file in files where try await apply(file, of: files) { applied.append(file.name) }
        return applied
    }

    /// False when it had been applied before.
    private func apply(_ file: File, of files: [File]) async throws -> Bool {
        try await locked { tx in
            let known = try await tx.query("SELECT number, name, sha256 FROM schema_migration ORDER BY number")
            try Migrator.compare(known, with: files)
            guard try !known.contains(where: { try $0["number"] as Int32 == file.number }) else { return false }
            do {
                try await tx.script(file.text)
            } catch let failure as PostgresFailure where !failure.isWorldFailure {
                throw Fault("applying migration \(file.name)", failure.description, isRetryable: false, cause: failure)
            }
            try await tx.execute(
                "INSERT INTO schema_migration (number, name, sha256) VALUES (\(file.number), \(file.name), \(file.hash))")
            return true
        }
    }

    /// One migrator at a time; the others wait for the lock as long as a migration may take.
    @discardableResult
    private func locked<Value: Sendable>(_ body: @Sendable (Transaction) async throws -> Value) async throws -> Value {
        let options = TransactionOptions(statementTimeoutMilliseconds: Migrator.limitMilliseconds)
        return try await store.direct.withTransaction(.login, options: options) { tx in
            try await tx.execute("SET LOCAL lock_timeout = \(unescaped: String(Migrator.limitMilliseconds))")
            try await tx.execute("SELECT pg_advisory_xact_lock(\(Migrator.lockNumber))")
            return try await body(tx)
        }
    }

    private static func compare(_ known: Rows, with files: [File]) throws {
        for row in known {
            let (number, name, hash) = try row.decode(Int32.self, String.self, [UInt8].self)
            guard let file = files.first(where: { $0.number == number }) else {
                throw Refusal(
                    .conflict, reason: "schema.newer",
                    "The database has migration \(name), which this program does not know. Run the newer program.",
                    facts: ["migration": name])
            }
            guard file.hash == hash else {
                throw Refusal(
                    .conflict, reason: "schema.changed",
                    "Migration \(name) was applied with other text. A merged migration is never edited; add a new one.",
                    facts: ["migration": name])
            }
        }
    }

    private func readFiles() throws -> [File] {
        guard let folder = directory ?? Bundle.module.path(forResource: "Migrations", ofType: nil) else {
            throw Fault("finding the migrations", "the resource bundle is missing beside the program", isRetryable: false)
        }
        var files: [File] = []
        for name in try FileBytes.names(in: folder) where name.hasSuffix(".sql") {
            guard let number = Int32(name.prefix(4)), name.dropFirst(4).first == "_", files.last?.number != number else {
                throw Fault("reading migration \(name)", "a name is NNNN_words.sql with a number of its own", isRetryable: false)
            }
            let bytes = try FileBytes.read(folder + "/" + name, maxBytes: Migrator.fileBytesMax)
            files.append(
                File(number: number, name: name, text: String(decoding: bytes, as: UTF8.self), hash: SHA256.hash(bytes)))
        }
        return files
    }
}
