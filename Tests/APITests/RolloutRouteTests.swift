import Kernel
import Records
import Seals
import Tenancy
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("rollouts on a page and from a program")
struct RolloutRouteTests {
    private static func workflow(_ version: String) -> JSONValue {
        [
            "kind": "workflow", "name": "note", "version": .string(version), "title": "Take note", "outcomes": ["noted"],
            "outcome": "'noted'", "do": [["keep": ["set": ["number": "${ input.case.number }"]]]],
        ]
    }

    /// An office whose tenant alpha tries a second version in the shadow.
    private static func open(_ database: TestDatabase) async throws -> Office {
        let office = try Office(store: database.store)
        let scope = Tenancy.Scope.tenant("alpha", partner: "harbour")
        var bundle = try Office.configuration().map { asset -> Applying.Asset in
            guard asset.kind == "tenant", asset.name == "alpha", var content = asset.content.object else { return asset }
            content["workflows"] = ["invoice": "note"]
            return Applying.Asset(
                scope: asset.scope, kind: "tenant", name: "alpha", version: "2", content: .object(content))
        }
        bundle.append(Applying.Asset(scope: scope, kind: "workflow", name: "note", version: "1", content: workflow("1")))
        bundle.append(Applying.Asset(scope: scope, kind: "candidate", name: "note", version: "2", content: workflow("2")))
        bundle.append(
            Applying.Asset(
                scope: scope, kind: "rollout", name: "note", version: "h-1",
                content: [
                    "kind": "rollout", "name": "note", "candidate": "2", "stage": "shadow", "minimum": 1,
                    "bars": [["metric": "agreement", "atLeast": 90]],
                ]))
        _ = try await office.services.applying.apply(bundle, by: nil)
        return office
    }

    @Test("a program sees what the shadow found, and only who may change the configuration promotes")
    func program() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try await RolloutRouteTests.open(database)
            try await office.fill("alpha")
            let admin = try await office.session("tenant-admin", at: "alpha")
            let path = "/api/v1/tenants/alpha/rollouts/note"
            let shown = await office.call(.get, path, as: admin)
            #expect(shown.status == 200 && shown.json["stage"] == "shadow", "\(shown.text)")
            #expect(shown.json["figures"]?["candidate"]?["same"] == 1, "\(shown.text)")
            #expect(shown.json["verdict"] == "propose")
            let clerk = try await office.session("ap-clerk", at: "alpha")
            let found = await office.call(.get, "\(path)/comparisons", as: clerk)
            #expect(found.json["items"]?.array?.count == 1, "\(found.text)")
            let body: JSONValue = ["stage": "shadow", "reason": "It agrees."]
            let refused = await office.call(
                .post, "\(path)/promote", as: clerk, body: body, headers: [(name: "Idempotency-Key", value: "c")])
            #expect(refused.status == 403 || refused.status == 404)
            #expect(await office.call(.get, "/api/v1/tenants/alpha/rollouts/nothing", as: admin).status == 404)
        }
    }

    @Test("the page shows both versions side by side, and its buttons are for whoever may change the configuration")
    func page() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try await RolloutRouteTests.open(database)
            try await office.fill("alpha")
            let token = try await office.session("tenant-admin", at: "alpha")
            let page = await office.send(
                .get, "/t/alpha/rollouts", headers: [(name: "Cookie", value: "session=\(token.text)")])
            #expect(page.status == 200)
            #expect(page.text.contains("in the shadow, without effect"))
            #expect(page.text.contains("1 as before"))
        }
    }
}
