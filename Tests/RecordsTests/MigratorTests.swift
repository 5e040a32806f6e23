import Kernel
import Postgres
import TestKit
import Testing

@testable import Records

@Suite("the migrator")
struct MigratorTests {
    @Test("a migration is applied once")
    func once() async throws {
        try await TestDatabase.with { database in
            let first = try await Migrator(database.store).migrate()
            #expect(!first.isEmpty)
            #expect(first == first.sorted())
            #expect(try await Migrator(database.store).migrate().isEmpty)
        }
    }

    @Test("servers that start at the same moment migrate once between them")
    func together() async throws {
        try await TestDatabase.with { database in
            let stores = (0..<4).map { _ in Store(directDSN: database.dsn) }
            let applied = try await withThrowingTaskGroup(of: [String].self) { group in
                for store in stores { group.addTask { try await Migrator(store).migrate() } }
                var all: [String] = []
                for try await names in group { all += names }
                return all
            }
            for store in stores { await store.close() }
            #expect(!applied.isEmpty)
            #expect(Set(applied).count == applied.count, "\(applied)")
        }
    }

    @Test("a migration that was applied with other text is refused")
    func changed() async throws {
        try await TestDatabase.with(template: .migrated) { database in
            try await database.store.direct.withTransaction(.login) { tx in
                _ = try await tx.execute("UPDATE schema_migration SET sha256 = \([UInt8(1)]) WHERE number = 1::integer")
            }
            let refusal = await #expect(throws: Refusal.self) { _ = try await Migrator(database.store).migrate() }
            #expect(refusal?.reason == "schema.changed")
        }
    }

    @Test("a database of a newer program is refused")
    func newer() async throws {
        try await TestDatabase.with(template: .migrated) { database in
            try await database.store.direct.withTransaction(.login) { tx in
                _ = try await tx.execute("INSERT INTO schema_migration (number, name, sha256) VALUES (9999::integer, 'later', \([UInt8(1)]))")
            }
            let refusal = await #expect(throws: Refusal.self) { _ = try await Migrator(database.store).migrate() }
            #expect(refusal?.reason == "schema.newer")
        }
    }

    @Test("a file is split at its semicolons and nowhere inside quotes, bodies and comments")
    func splitting() {
        let text = """
            -- a; comment
            CREATE TABLE a (b text DEFAULT 'x;y'); -- after;
            DO $$ BEGIN PERFORM 1; END $$;
            INSERT INTO a VALUES ('it''s; fine');

            """
        let statements = Migrator.statements(of: text).map(\.text)
        #expect(statements.count == 3, "\(statements)")
        #expect(statements.first?.contains("'x;y'") == true)
        #expect(statements.dropFirst().first?.contains("PERFORM 1; END") == true)
        #expect(statements.last?.contains("it''s; fine") == true)
    }
}
