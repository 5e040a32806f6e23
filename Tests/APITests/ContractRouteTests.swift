import Flow
import Kernel
import Postgres
import Records
import Seals
import Tenancy
import Testing
import WebKernel

@testable import API

@Suite("contracts from afar")
struct ContractRouteTests {
    private static let path = "/api/v1/tenants/alpha/contracts"

    private static func contract(_ version: String, target: String) -> Applying.Asset {
        Applying.Asset(
            scope: .tenant("alpha", partner: "harbour"), kind: "contract", name: "managed-ap", version: version,
            content: [
                "kind": "contract", "name": "managed-ap", "version": .string(version), "title": "Managed <b>payables</b>",
                "calendar": "office", "effectiveFrom": "2026-01-01T00:00:00Z",
                "objectives": [
                    [
                        "name": "posting", "title": "Posting", "target": .string(target), "warnPercents": [80],
                        "pauseReasons": ["waiting_on_supplier"],
                    ]
                ],
            ])
    }

    /// An office whose tenant `alpha` has drafted these versions, in this order.
    private func withDrafts(_ versions: [(String, String)], _ body: @Sendable (Desk) async throws -> Void) async throws {
        try await Desk.with("approver") { desk in
            let calendar = Applying.Asset(
                scope: .operator, kind: "calendar", name: "office", version: "1",
                content: [
                    "kind": "calendar", "name": "office", "version": "1", "title": "Office", "timezone": "Europe/Berlin",
                    "week": ["mon": [["09:00", "17:00"]]],
                ])
            for (version, target) in versions {
                _ = try await desk.office.services.applying.apply(
                    try Office.configuration() + [calendar, Self.contract(version, target: target)], by: nil)
                desk.office.move(seconds: 60)
            }
            try await body(desk)
        }
    }

    private func act(
        _ desk: Desk, _ name: String, _ id: String, as token: SecretToken, _ body: JSONValue = [:], key: String = "k"
    ) async -> Office.Answer {
        await desk.office.call(
            .post, "\(Self.path)/\(id)/\(name)", as: token, body: body,
            headers: [(name: "Idempotency-Key", value: "\(name)-\(key)")])
    }

    private func prove(_ desk: Desk, _ token: SecretToken, at slug: String) async throws {
        let (scope, now) = (try await desk.office.scope(slug), desk.office.platform.clock.now)
        try await desk.office.store.withTenant(scope.id) { tx in
            try await tx.execute(
                "UPDATE session SET proved_at = \(now) WHERE tenant_id = \(scope.id) AND token_hash = \(token.hash)")
        }
    }

    @Test("a draft is handed in by the operator and signed by one person of each side, each with a fresh proof")
    func signed() async throws {
        try await withDrafts([("1", "8h")]) { desk in
            let ines = try await desk.office.session("operator-admin", at: "operator")
            let ruth = try await desk.office.session("controller", at: "alpha")
            let clerk = try await desk.office.session("ap-clerk", at: "alpha")
            let stranger = try await desk.office.session("controller", at: "beta")
            let listed = await desk.office.call(.get, Self.path, as: ruth)
            let row = try #require(listed.json["items"]?.array?.first, "\(listed.text)")
            #expect(row["standing"]?.string == "drafted")
            let (id, hash) = (try #require(row["id"]?.string), try #require(row["hash"]))
            #expect(await act(desk, "submit", id, as: ruth).status == 403, "the tenant hands in nothing")
            #expect(await act(desk, "submit", id, as: stranger).status == 404)
            let submitted = await act(desk, "submit", id, as: ines)
            #expect(submitted.json["awaits"] == ["provider", "tenant"], "\(submitted.text)")
            #expect(await act(desk, "sign", id, as: clerk, ["hash": hash]).status == 403)
            try await prove(desk, ruth, at: "alpha")
            try await prove(desk, ines, at: "operator")
            desk.office.move(seconds: desk.office.platform.settings.proofSeconds + 1)
            #expect(await act(desk, "sign", id, as: ruth, ["hash": hash], key: "1").code == "proof.needed")
            try await prove(desk, ruth, at: "alpha")
            #expect(await act(desk, "sign", id, as: ruth, ["hash": "0"], key: "2").code == "contract.hash")
            let half = await act(desk, "sign", id, as: ruth, ["hash": hash], key: "3")
            #expect(half.json["standing"] == "in-review" && half.json["awaits"] == ["provider"], "\(half.text)")
            try await prove(desk, ines, at: "operator")
            let whole = await act(desk, "sign", id, as: ines, ["hash": hash], key: "4")
            #expect(whole.json["standing"] == "in-force", "\(whole.text)")
            let signatures = whole.json["signatures"]?.array ?? []
            #expect(signatures.map { $0["side"]?.string } == ["tenant", "provider"])
            #expect(signatures.allSatisfy { $0["isSealGood"]?.bool == true && $0["natural"] == nil })
        }
    }

    @Test("a version is shown with what differs from the one before, in words and without anybody's markup")
    func shown() async throws {
        try await withDrafts([("1", "8h"), ("2", "6h")]) { desk in
            let ines = try await desk.office.session("operator-admin", at: "operator")
            let ruth = try await desk.office.session("controller", at: "alpha")
            let items = await desk.office.call(.get, Self.path, as: ruth).json["items"]?.array ?? []
            let id = try #require(items.first { $0["version"]?.string == "2" }?["id"]?.string)
            let shown = await desk.office.call(.get, "\(Self.path)/\(id)", as: ruth)
            #expect(shown.json["comparedWith"] == "1")
            let changes = (shown.json["changes"]?.array ?? []).compactMap(\.string)
            #expect(changes.contains(#"objectives › posting › target: "8h" becomes "6h""#), "\(changes)")
            _ = await act(desk, "submit", id, as: ines)
            let list = await desk.office.call(.get, "/t/alpha/service/contracts", as: ruth)
            #expect(list.text.contains("Managed &lt;b&gt;payables") && list.text.contains("waits for the provider"))
            let page = await desk.office.call(.get, "/t/alpha/service/contracts/\(id)", as: ruth)
            for words in ["Within 6 h", "waiting on supplier", "mon 09:00", "Sign for Tenant alpha", "8h&quot; becomes"] {
                #expect(page.text.contains(words), "\(words): \(page.status)")
            }
            let clerk = try await desk.office.session("ap-clerk", at: "alpha")
            let read = await desk.office.call(.get, "/t/alpha/service/contracts/\(id)", as: clerk)
            #expect(read.status == 200 && !read.text.contains("Turn down"), "who may not act sees no button")
            let beta = try await desk.office.session("controller", at: "beta")
            #expect(await desk.office.call(.get, "/t/alpha/service/contracts/\(id)", as: beta).status == 404)
            #expect(await desk.office.call(.get, "/t/beta/service/contracts/\(id)", as: beta).status == 404)
            let rejected = await act(desk, "reject", id, as: ruth, ["reason": "Eight is what we agreed"])
            #expect(rejected.json["standing"] == "rejected", "\(rejected.text)")
            try await prove(desk, ruth, at: "alpha")
            let bad = await act(desk, "end", id, as: ruth, ["at": "tomorrow", "reason": "x"])
            #expect(bad.code == "request.instant", "\(bad.text)")
        }
    }
}
