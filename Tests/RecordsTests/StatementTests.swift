import Kernel
import Postgres
import TestKit
import Testing

@testable import Records

/// A statement of this room with sample arguments, and the role that sends it.
struct RegisteredStatement: Sendable, CustomTestStringConvertible {
    enum Sender: Sendable { case app, engine, gate, report, sealer, keeper, schema }

    let name: String
    let sender: Sender
    let sql: SQL

    var testDescription: String { name }
}

@Suite("the statements")
struct StatementTests {
    @Test("every statement fits the migrated schema and the rights of the role that sends it")
    func prepared() async throws {
        let database = try await TestDatabase.shared(by: "records-statements", template: .migrated)
        let tenant = SampleTenant(number: 1, lane: 1)
        var broken: [String] = []
        for statement in RegisteredStatement.all {
            do {
                // Planning checks names, types and rights, and touches no row.
                let explained: SQL = "EXPLAIN \(statement.sql)"
                switch statement.sender {
                case .app: try await database.store.withTenant(tenant.id) { _ = try await $0.query(explained) }
                case .engine: try await database.store.withLane(1) { _ = try await $0.query(explained) }
                case .gate: try await database.store.withGate { _ = try await $0.query(explained) }
                case .report: try await database.store.withReport { _ = try await $0.query(explained) }
                case .sealer: try await database.store.withSealer { _ = try await $0.query(explained) }
                case .keeper: try await database.store.withKeeper { _ = try await $0.query(explained) }
                case .schema: try await database.store.withSchema { _ = try await $0.query(explained) }
                }
            } catch {
                broken.append("\(statement.name) as \(statement.sender): \(error)")
            }
        }
        #expect(broken.isEmpty, "\(broken.joined(separator: "\n"))")
        print("statements prepared: \(RegisteredStatement.all.count)")
    }

    @Test("no statement of the room is missing here")
    func complete() throws {
        var missing = try StatementTests.declared()
        #expect(missing.count > 90, "\(missing.count)")
        for statement in RegisteredStatement.all {
            if let at = missing.firstIndex(of: statement.name) { missing.remove(at: at) }
        }
        #expect(missing.isEmpty, "\(missing)")
    }

    /// `RunQueries.load` and its like, as the sources declare them; overloads appear once each.
    private static func declared(from file: String = #filePath) throws -> [String] {
        let parts = file.split(separator: "/").dropLast(3)
        let folder = "/" + parts.joined(separator: "/") + "/Sources/Edges/Records"
        var names: [String] = []
        for name in try FileBytes.names(in: folder).sorted() where name.hasSuffix("Queries.swift") {
            let text = String(decoding: try FileBytes.read("\(folder)/\(name)", maxBytes: 1_000_000), as: UTF8.self)
            var owner = ""
            for line in text.split(separator: "\n") {
                if line.hasPrefix("package enum ") { owner = String(line.dropFirst("package enum ".count).prefix { $0 != " " }) }
                if line.hasPrefix("    package static func ") {
                    names.append(owner + "." + line.dropFirst("    package static func ".count).prefix { $0 != "(" })
                }
            }
        }
        return names
    }

    @Test("a statement without its tenant's rows in reach answers nothing and harms nothing")
    func executed() async throws {
        try await TestDatabase.with(template: .migrated) { database in
            let tenant = SampleTenant(number: 1, lane: 1)
            try await tenant.fill(database.store)
            var broken: [String] = []
            for statement in RegisteredStatement.all {
                do {
                    switch statement.sender {
                    case .app: try await database.store.withTenant(tenant.id) { try await StatementTests.tryOut(statement, $0) }
                    case .engine: try await database.store.withLane(1) { try await StatementTests.tryOut(statement, $0) }
                    case .gate: try await database.store.withGate { try await StatementTests.tryOut(statement, $0) }
                    case .report: try await database.store.withReport { try await StatementTests.tryOut(statement, $0) }
                    case .sealer: try await database.store.withSealer { try await StatementTests.tryOut(statement, $0) }
                    case .keeper: try await database.store.withKeeper { try await StatementTests.tryOut(statement, $0) }
                    case .schema: try await database.store.withSchema { try await StatementTests.tryOut(statement, $0) }
                    }
                } catch is Undone {
                } catch let failure as PostgresFailure where failure.isUniqueViolation {
                    // The sample row is there already.
                } catch {
                    broken.append("\(statement.name): \(error)")
                }
            }
            #expect(broken.isEmpty, "\(broken.joined(separator: "\n"))")
        }
    }

    private static func tryOut(_ statement: RegisteredStatement, _ tx: Transaction) async throws {
        _ = try await tx.query(statement.sql)
        throw Undone()
    }
}
