import Glibc
import Kernel
import Postgres
import Tenancy
import Testing
import WebKernel

@testable import API

@Suite("the table of routes")
struct RouteBookTests {
    /// Routes read their services when they are called, so that a store that leads nowhere will do.
    private static func routes() throws -> [Route] { try Office(store: Store(directDSN: "host=/nowhere")).table.routes }

    @Test("every route says who may call it, in words that exist")
    func access() throws {
        for route in try Self.routes() {
            if case .permission(let name) = route.access {
                #expect(Permission(rawValue: name) != nil, "\(route.pattern): \(name)")
            }
            #expect(route.access != .worker, "\(route.pattern) is for workers and belongs on their socket")
            // A tenant's start page only leads on to the first page that the person may see.
            // Before somebody has signed in with their organisation's provider there is nobody who could have a permission.
            let doors = ["/t/{tenant}", "/t/{tenant}/sign-in", "/t/{tenant}/sign-in/with", "/t/{tenant}/sign-in/back"]
            if route.pattern.contains("{tenant}"), !doors.contains(route.pattern) {
                guard case .permission = route.access else {
                    return #expect(Bool(false), "\(route.pattern) enters a tenant without a permission")
                }
            }
        }
    }

    @Test("what is open to everybody is known by name")
    func open() throws {
        let open = try Self.routes().filter { $0.access == .open }.map { "\($0.method.rawValue) \($0.pattern)" }.sorted()
        #expect(
            open == [
                "GET /api/v1/beats/{receiver}/{job}/{secret}", "GET /api/v1/openapi.json", "GET /assets/{name}",
                "GET /brand-files/{name}", "GET /brand-preview/{token}/style.css",
                "GET /brand-preview/{token}/{page}", "GET /brand/{name}", "GET /healthz", "GET /metrics",
                "GET /readyz",
                "GET /sign-in", "GET /sign-in/code", "GET /sign-in/organisation", "GET /status-mail/{token}",
                "GET /status/{address}",
                "GET /status/{address}/feed.json",
                "GET /status/{address}/status.json", "GET /t/{tenant}/sign-in", "GET /t/{tenant}/sign-in/back",
                "GET /t/{tenant}/sign-in/with", "GET /welcome", "POST /api/v1/beats/{receiver}/{job}/{secret}",
                "POST /api/v1/inbound/{receiver}/alertmanager",
                "POST /api/v1/inbound/{receiver}/v2/enqueue", "POST /api/v1/sessions", "POST /api/v1/sessions/link",
                "POST /api/v1/sessions/second-factor", "POST /sign-in", "POST /sign-in/code", "POST /sign-in/organisation",
                "POST /status-mail/{token}", "POST /status/{address}/subscribers", "POST /welcome",
            ], "\(open)")
    }

    @Test("a server whose routes do not say who may call them does not start")
    func refusesToStart() throws {
        try RouteBook.check(try Self.routes())
        func route(_ pattern: String, _ access: RouteAccess) -> Route {
            Route(.post, pattern, access: access) { _ in WebResponse(status: 200) }
        }
        let wrong = [
            route("/api/v1/tenants/{tenant}/x", .signedIn), route("/t/{tenant}/x", .open), route("/api/v1/x", .open),
            route("/api/v1/tenants/{tenant}/x", .permission("runs.raed")), route("/handoff/x", .worker),
        ]
        for one in wrong {
            #expect(throws: Refusal.self, "\(one.access) \(one.pattern)") {
                try RouteBook.check(try Self.routes() + [one])
            }
        }
    }

    @Test("who may do what is as the committed picture shows")
    func matrix() throws {
        let roles = try OperatorRoles.roles().sorted { ($0.level, $0.name) < ($1.level, $1.name) }
        #expect(roles.count >= 8)
        let now = Office.start
        let node = Tenancy.Scope.tenant("alpha", partner: "harbour")
        var lines: [String] = []
        for route in try Self.routes().sorted(by: { ($0.pattern, $0.method.rawValue) < ($1.pattern, $1.method.rawValue) }) {
            let who: String
            switch route.access {
            case .open: who = "everybody"
            case .signedIn: who = "whoever is signed in"
            case .worker: who = "workers"
            case .permission(let name):
                let permission = try #require(Permission(rawValue: name))
                let names = roles.filter { role in
                    let home: Tenancy.Scope =
                        role.level == .tenant ? node : role.level == .partner ? .partner("harbour") : .operator
                    let authority = Authority(
                        person: PersonID(high: 0, low: 1), grants: [Grant(role: role.name, scope: home)], roles: roles)
                    return authority.permits(permission, in: route.pattern.contains("{tenant}") ? node : home, at: now)
                }
                who = names.isEmpty ? "nobody" : names.map(\.name).joined(separator: " ")
            }
            lines.append("\(route.method.rawValue) \(route.pattern): \(who)")
        }
        let text = lines.joined(separator: "\n") + "\n"
        let path = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/") + "/permissions.golden"
        if getenv("COUNTERSIGN_REWRITE") != nil, let file = fopen(path, "w") {
            fputs(text, file)
            fclose(file)
        }
        let golden = String(decoding: try FileBytes.read(path, maxBytes: 1_000_000), as: UTF8.self)
        let (now_, before) = (Set(lines), Set(golden.split(separator: "\n").map(String.init)))
        #expect(now_ == before, "new: \(now_.subtracting(before).sorted()), gone: \(before.subtracting(now_).sorted())")
    }

    @Test("the OpenAPI document describes each documented route once and refers to nothing that is missing")
    func openAPI() throws {
        let routes = try Self.routes()
        let document = OpenAPIDocument.json(of: routes)
        #expect(document["openapi"]?.string == "3.1.0")
        #expect(document["info"]?["title"]?.string != nil && document["info"]?["version"]?.string != nil)
        var operations: [String] = []
        var count = 0
        for path in try #require(document["paths"]?.object) {
            #expect(path.key.hasPrefix("/"))
            let named = path.key.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
            for item in try #require(path.value.object) {
                count += 1
                #expect(["get", "post", "put", "patch", "delete"].contains(item.key))
                operations.append(try #require(item.value["operationId"]?.string))
                #expect(item.value["summary"]?.string?.isEmpty == false, "\(path.key)")
                let parameters = try #require(item.value["parameters"]?.array)
                let inPath = parameters.filter { $0["in"]?.string == "path" }
                #expect(inPath.compactMap { $0["name"]?.string } == named, "\(path.key)")
                #expect(inPath.allSatisfy { $0["required"]?.bool == true })
                #expect(parameters.allSatisfy { $0["schema"]?.object != nil && $0["name"]?.string != nil })
                let keys = parameters.map { "\($0["in"]?.string ?? "") \($0["name"]?.string ?? "")" }
                #expect(Set(keys).count == keys.count, "\(path.key): \(keys)")
                let responses = try #require(item.value["responses"]?.object)
                #expect(responses.keys.allSatisfy { Int($0).map { (200..<600).contains($0) } ?? false })
                #expect(responses.keys.contains { $0.hasPrefix("2") })
                #expect(responses.allSatisfy { $0.value["description"]?.string != nil })
                #expect(item.key == "get" || item.value["security"] != nil)
            }
        }
        #expect(Set(operations).count == operations.count, "two operations of one name")
        #expect(count == routes.count { $0.documentation != nil })
        for reference in references(in: document) {
            var target: JSONValue? = document
            for part in reference.split(separator: "/").dropFirst() { target = target?[String(part)] }
            #expect(target != nil, "\(reference)")
        }
        for route in routes where route.pattern.hasPrefix("/api/") {
            #expect(route.documentation != nil || route.pattern.hasSuffix("openapi.json"), "\(route.pattern)")
        }
    }

    private func references(in json: JSONValue) -> [String] {
        switch json {
        case .object(let members):
            members.flatMap { member in
                member.key == "$ref" ? [member.value.string].compactMap(\.self) : references(in: member.value)
            }
        case .array(let items): items.flatMap { references(in: $0) }
        case .string, .number, .bool, .null: []
        }
    }
}
