import Glibc
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

    @Test("databases of one cluster may be migrated at the same moment, though they share their roles")
    func besideEachOther() async throws {
        let databases = try await withThrowingTaskGroup(of: TestDatabase.self) { group in
            for _ in 0..<6 { group.addTask { try await TestDatabase.make() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let applied = try await withThrowingTaskGroup(of: Int.self) { group in
            for database in databases { group.addTask { try await Migrator(database.store).migrate().count } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(applied).count == 1 && applied.allSatisfy { $0 > 0 }, "\(applied)")
        for database in databases { try await database.drop() }
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
                _ = try await tx.execute(
                    "INSERT INTO schema_migration (number, name, sha256) VALUES (9999::integer, 'later', \([UInt8(1)]))")
            }
            let refusal = await #expect(throws: Refusal.self) { _ = try await Migrator(database.store).migrate() }
            #expect(refusal?.reason == "schema.newer")
        }
    }

    @Test("a migration that fails leaves nothing behind and is named")
    func failing() async throws {
        let folder = try MigratorTests.folder([
            "0001_good.sql": "CREATE TABLE first (id bigint); INSERT INTO first VALUES (1);",
            "0002_bad.sql": "CREATE TABLE second (id bigint); SELECT no_such_column FROM first;",
        ])
        try await TestDatabase.with { database in
            let fault = await #expect(throws: Fault.self) { _ = try await Migrator(database.store, directory: folder).migrate() }
            #expect(fault?.operation.contains("0002_bad.sql") == true)
            let tables = try await database.store.direct.withTransaction(.login) { tx in
                try await tx.query("SELECT to_regclass('first') IS NOT NULL, to_regclass('second') IS NOT NULL").only().decode(
                    Bool.self, Bool.self)
            }
            #expect(tables == (true, false))
            let mended = try MigratorTests.folder([
                "0001_good.sql": "CREATE TABLE first (id bigint); INSERT INTO first VALUES (1);",
                "0002_bad.sql": "CREATE TABLE second (id bigint);",
            ])
            #expect(try await Migrator(database.store, directory: mended).migrate() == ["0002_bad.sql"])
        }
    }

    private static func folder(_ files: [String: String]) throws -> String {
        var template = Array("/tmp/countersign-migrations-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Fault("making a folder", isRetryable: false) }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for (name, text) in files {
            guard let file = fopen("\(folder)/\(name)", "w") else { throw Fault("writing \(name)", isRetryable: false) }
            fputs(text, file)
            fclose(file)
        }
        return folder
    }
}
