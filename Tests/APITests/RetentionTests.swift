import Kernel
import Seals
import Tenancy
import Testing
import WebKernel

@testable import API

@Suite("legal holds from afar")
struct RetentionTests {
    private static let path = "/api/v1/tenants/alpha/holds"

    private func post(_ desk: Desk, _ path: String, _ token: SecretToken, _ body: JSONValue) async -> Office.Answer {
        let key = "k-\(Entropy.system.next())"
        return await desk.office.call(.post, path, as: token, body: body, headers: [(name: "Idempotency-Key", value: key)])
    }

    @Test("a controller places and releases a hold with a reason each; others see it or are refused")
    func placed() async throws {
        try await Desk.with("approver") { desk in
            let controller = try await desk.office.session("controller", at: "alpha")
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let made = await post(desk, Self.path, controller, ["reason": "The tax office asked."])
            #expect(made.status == 201, "\(made.text)")
            let id = try #require(made.json["id"]?.string)
            #expect(made.json["covers"]?.string == "everything")
            let listed = await desk.call(.get, Self.path, admin.text)
            #expect(listed.json["items"]?.array?.map { $0["reason"]?.string } == ["The tax office asked."])
            #expect(await post(desk, Self.path, admin, ["reason": "Mine."]).status == 403)
            #expect(await post(desk, "\(Self.path)/\(id)/release", admin, ["reason": "Mine."]).status == 403)
            let released = await post(desk, "\(Self.path)/\(id)/release", controller, ["reason": "It is over."])
            #expect(released.json["state"]?.string == "released", "\(released.text)")
            #expect(await desk.call(.get, Self.path, admin.text).json["items"]?.array?.isEmpty == true)
            #expect(await desk.call(.get, Self.path + "?state=all", admin.text).json["items"]?.array?.count == 1)
            let again = await post(desk, "\(Self.path)/\(id)/release", controller, ["reason": "Once more."])
            #expect(again.code == "hold.released")
        }
    }

    @Test("a hold without a reason, on a run that is not there, or from another tenant is refused")
    func refused() async throws {
        try await Desk.with("approver") { desk in
            let controller = try await desk.office.session("controller", at: "alpha")
            let stranger = try await desk.office.session("controller", at: "beta")
            #expect(await post(desk, Self.path, controller, ["reason": " "]).code == "hold.reason")
            let long = String(repeating: "x", count: 501)
            #expect(await post(desk, Self.path, controller, ["reason": .string(long)]).code == "hold.reason")
            for run in ["no-id", "0198f3a0-0000-7000-8000-000000000001"] {
                let answer = await post(desk, Self.path, controller, ["run": .string(run), "reason": "Mine."])
                #expect(answer.status == 404, "\(answer.text)")
            }
            #expect(await desk.call(.get, Self.path, stranger.text).status == 404)
            #expect(await post(desk, Self.path, stranger, ["reason": "Mine."]).status == 404)
        }
    }

    @Test("a tenant sees its own term and months, and only the operator sees everybody's")
    func seen() async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let own = await desk.call(.get, "/api/v1/tenants/alpha/retention", admin.text)
            #expect(own.json["tenants"]?.array?.map { $0["tenant"]?.string } == ["alpha"], "\(own.text)")
            #expect(own.json["tenants"]?.array?.first?["historyMonths"]?.int == 132)
            #expect(own.json["months"]?.array?.contains { $0["bytes"] != nil } == false)
            let operating = try await desk.office.session("operator-admin", at: "operator")
            let all = await desk.call(.get, "/api/v1/tenants/operator/retention", operating.text)
            #expect((all.json["tenants"]?.array?.count ?? 0) > 1, "\(all.text)")
            #expect(all.json["months"]?.array?.allSatisfy { $0["bytes"] != nil } == true)
        }
    }
}
