import Kernel
import Postgres
import Records
import Seals
import Tenancy
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

/// Walks the route table as the people of one tenant, with the names and ids of the other.
struct Trespass {
    let office: Office
    /// What belongs to the other tenant, by the kind of object that a route names.
    let foreign: [String: [String]]
    /// Text that only the other tenant's data holds.
    let marks: [String]
    private(set) var leaks: [String] = []
    private(set) var tried = 0

    init(_ office: Office) async throws {
        self.office = office
        let alpha = try await office.scope("alpha").id
        let looking = office.services.looking
        let runs = try await looking.runs(alpha, limit: 10).map(\.id.text)
        let documents = try await looking.documents(alpha, limit: 10)
        let requests = try await looking.requests(alpha, kinds: ["approval", "exception", "task"], limit: 10).map(\.id.text)
        let incidents = try await looking.incidents(alpha, openOnly: false, limit: 10).map(\.id.text)
        let clocks = try await looking.clocks(alpha, limit: 10).map(\.clock.id.text)
        let run = try #require(try await looking.runs(alpha, limit: 1).first)
        let tasks = try await looking.tasks(alpha, run: run.id).map(\.id.text)
        let holder = try #require(try await looking.people(alpha).first { $0.slug == "controller" })
        let key = try await office.services.signingIn.makeKey(.init(name: "k", days: 1), for: holder.id, in: alpha, by: nil)
        foreign = [
            "keys": [key.id.text], "runs": runs, "documents": documents.map(\.id.text),
            "invoices": documents.compactMap(\.invoice?.text),
            "approvals": requests,
            "exceptions": requests, "inbox": requests, "tasks": tasks, "incidents": incidents, "clocks": clocks,
        ]
        marks = runs + documents.map(\.id.text) + requests + incidents + ["R-of-alpha", "Supplier of alpha", "alpha.example"]
        #expect(!runs.isEmpty && documents.count == 2 && !requests.isEmpty && !incidents.isEmpty)
    }

    /// Every route of a tenant, with the other's name in the path, then with the own name and the other's ids.
    mutating func walk() async throws {
        var sessions: [SecretToken] = []
        for role in try OperatorRoles.roles() where role.level == .tenant {
            sessions.append(try await office.session(role.name, at: "beta"))
        }
        for route in office.table.routes
        where route.pattern.contains("{tenant}") && !(route.method == .get && route.pattern.hasSuffix("/events")) {
            for session in sessions {
                for other in fillings(route) {
                    await visit(route, other.replacing("{tenant}", with: "alpha"), session, isObject: true)
                    await visit(
                        route, other.replacing("{tenant}", with: "beta"), session, isObject: route.pattern.contains("{id}"))
                }
            }
        }
    }

    /// The pattern with the other tenant's ids in place of `{id}`.
    private func fillings(_ route: Route) -> [String] {
        let pattern = route.pattern.replacing("{name}", with: "erp")
        guard pattern.contains("{id}") else { return [pattern] }
        let parts = pattern.split(separator: "/").map(String.init)
        guard let at = parts.firstIndex(of: "{id}"), at > 0, let ids = foreign[parts[at - 1]], let id = ids.first else {
            return [pattern.replacing("{id}", with: foreign["runs"]?.first ?? "")]
        }
        return [pattern.replacing("{id}", with: id)]
    }

    private mutating func visit(_ route: Route, _ path: String, _ session: SecretToken, isObject: Bool) async {
        tried += 1
        let key = [(name: "Idempotency-Key", value: "\(Entropy.system.next())")]
        let answer = await office.call(
            route.method, path, as: session, body: route.method == .get ? nil : body(route), headers: key)
        if marks.contains(where: { answer.text.contains($0) && !path.contains($0) }) {
            leaks.append("\(route.method.rawValue) \(path) shows what belongs to another tenant")
        }
        // 403 tells the own tenant's people what they may not do at home; a form without its token comes no further either.
        if isObject, ![404, 400, 403, 422].contains(answer.status) {
            leaks.append("\(route.method.rawValue) \(path) answers \(answer.status)")
        }
        if path.contains("/alpha"), answer.status != 404 {
            leaks.append("\(route.method.rawValue) \(path) answers \(answer.status)")
        }
    }

    private func body(_ route: Route) -> JSONValue {
        if route.pattern.hasSuffix("/decision") { return ["verdict": "approve", "objectHash": "00"] }
        if route.pattern.hasSuffix("/resolution") { return ["resolution": "reject", "objectHash": "00", "reason": "r"] }
        if route.pattern.hasSuffix("/notes") { return ["text": "t"] }
        if route.pattern.hasSuffix("/cancel") || route.pattern.hasSuffix("/resolve") { return ["reason": "r"] }
        return [:]
    }
}

@Suite("two tenants at one API")
struct TenancyTests {
    @Test("no route shows one tenant what belongs to another, or does anything to it")
    func everyRoute() async throws {
        try await Office.withBoth { office, _ in
            let before = try await office.books("alpha")
            var trespass = try await Trespass(office)
            try await trespass.walk()
            #expect(trespass.leaks.isEmpty, "\(Set(trespass.leaks).sorted().joined(separator: "\n"))")
            #expect(trespass.tried > 150)
            try await office.pump()
            #expect(try await office.books("alpha") == before)
            print("routes walked as the other tenant: \(trespass.tried) requests")
        }
    }

    @Test("the owner's people see on the same routes what the others do not")
    func control() async throws {
        try await Office.withBoth { office, _ in
            let controller = try await office.session("controller", at: "alpha")
            let trespass = try await Trespass(office)
            for (kind, ids) in trespass.foreign where ["runs", "documents", "invoices", "incidents"].contains(kind) {
                let answer = await office.call(.get, "/api/v1/tenants/alpha/\(kind)/\(ids[0])", as: controller)
                #expect(answer.status == 200, "\(kind): \(answer.text.prefix(300))")
            }
            let list = await office.call(.get, "/api/v1/tenants/alpha/runs", as: controller)
            #expect(list.json["items"]?.array?.count == 1)
            #expect(list.text.contains("R-of-alpha"))
        }
    }

    /// The walk has to be able to fail: behind the product's back, the table of runs loses its policy, and every row claims to be
    /// the caller's, as it would be for a query without its predicate.
    @Test("without the predicate and the policy of one query the walk turns red")
    func canFail() async throws {
        try await Office.withBoth { office, database in
            var trespass = try await Trespass(office)
            let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            let columns = try await admin.query(
                """
                SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                WHERE attrelid = 'run'::regclass AND attnum > 0 AND attname <> 'tenant_id' AND NOT attisdropped
                """
            ).only().get(0, as: String.self)
            try await admin.script(
                """
                ALTER TABLE run RENAME TO run_of_all;
                CREATE VIEW run AS SELECT current_setting('app.tenant')::uuid AS tenant_id, \(columns) FROM run_of_all;
                GRANT SELECT ON run TO countersign_app;
                """)
            await admin.close()
            try await trespass.walk()
            #expect(trespass.leaks.contains { $0.contains("/beta/runs") }, "\(trespass.leaks.prefix(5))")
        }
    }

    @Test("another tenant's name is as unknown as a name that nobody has, to the byte")
    func unknownName() async throws {
        try await Office.withBoth { office, _ in
            let clerk = try await office.session("ap-clerk", at: "beta")
            for path in ["runs", "documents", "approvals", "incidents", "service", "people", "audit", "summary"] {
                let theirs = await office.call(.get, "/api/v1/tenants/alpha/\(path)", as: clerk)
                let nobodys = await office.call(.get, "/api/v1/tenants/gamma/\(path)", as: clerk)
                #expect(theirs.status == 404)
                #expect(theirs.bytes == nobodys.bytes, "\(path)")
            }
            let run = try #require(try await office.services.looking.runs(try await office.scope("alpha").id, limit: 1).first)
            let controller = try await office.session("controller", at: "beta")
            let foreign = await office.call(.get, "/api/v1/tenants/beta/runs/\(run.id)", as: controller)
            let unknown = await office.call(
                .get, "/api/v1/tenants/beta/runs/01900000-0000-7000-8000-000000000000", as: controller)
            let senseless = await office.call(.get, "/api/v1/tenants/beta/runs/not-an-id", as: controller)
            #expect(foreign.status == 404)
            #expect(foreign.bytes == unknown.bytes)
            #expect(senseless.bytes == unknown.bytes)
        }
    }

    @Test("an engineer on call lists dead letters without what a document or an ERP said in them")
    func deadLetters() async throws {
        try await Office.withBoth { office, database in
            let scope = try await office.scope("alpha")
            let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            try await admin.script(
                """
                UPDATE task SET state = 'dead', finished_at = now(), outcome = 'CONNECT', last_error = 'no supplier Elbe Papier'
                WHERE class = 'worker' AND tenant_id = '\(scope.id.text)'
                """)
            await admin.close()
            let onCall = try await office.session("on-call", at: "operator")
            let seen = await office.call(.get, "/api/v1/tenants/alpha/tasks", as: onCall)
            #expect(seen.status == 200)
            let item = try #require(seen.json["items"]?.array?.first)
            #expect(item["outcome"]?.string == "CONNECT" && item["id"]?.string != nil)
            #expect(!seen.text.contains("Elbe"))
            let controller = try await office.session("controller", at: "alpha")
            let full = await office.call(.get, "/api/v1/tenants/alpha/tasks", as: controller)
            #expect(full.text.contains("no supplier Elbe Papier"))
            let stranger = try await office.session("controller", at: "beta")
            #expect(await office.call(.get, "/api/v1/tenants/alpha/tasks", as: stranger).status == 404)
        }
    }

    @Test("the operator sees how tenants stand and not what their invoices say")
    func upperLevels() async throws {
        try await Office.withBoth { office, _ in
            let onCall = try await office.session("on-call", at: "operator")
            #expect(await office.call(.get, "/api/v1/tenants/alpha/service", as: onCall).status == 200)
            let incidents = await office.call(.get, "/api/v1/tenants/alpha/incidents", as: onCall)
            #expect(incidents.json["items"]?.array?.count == 1)
            for path in ["runs", "documents", "approvals", "exceptions"] {
                let answer = await office.call(.get, "/api/v1/tenants/alpha/\(path)", as: onCall)
                #expect(answer.status == 403, "\(path)")
                #expect(!answer.text.contains("R-of-alpha"))
            }
        }
    }
}

extension Office {
    /// What a trespasser could have changed.
    func books(_ slug: String) async throws -> [String] {
        let id = try await scope(slug).id
        return try await store.withTenant(id) { tx in
            var out: [String] = []
            for sql: SQL in [
                "SELECT id::text || phase || updated_at FROM run WHERE tenant_id = \(id) ORDER BY 1",
                "SELECT id::text || state || coalesce(claimed_by::text, '') FROM task WHERE tenant_id = \(id) ORDER BY 1",
                "SELECT id::text || state || occurrences FROM incident WHERE tenant_id = \(id) ORDER BY 1",
                "SELECT count(*)::text FROM document WHERE tenant_id = \(id)",
                "SELECT count(*)::text FROM connection_secret WHERE tenant_id = \(id)",
            ] { out += try await tx.query(sql).column(as: String.self) }
            return out
        }
    }
}
