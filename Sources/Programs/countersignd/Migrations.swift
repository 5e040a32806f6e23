import Kernel
import Postgres
import Records

/// Brings the schema up to this program's version.
enum Migrations {
    static func run(_ store: Store) async throws -> [String] {
        try await Migrator(store).migrate().map { "\($0)" }
    }
}
