import Curl
import Kernel
import Showcase
import Testing

extension WholeProduct {
    @Suite("What readers of a status page are told")
    struct StatusTests {
        @Test(
            "the running server looks after a page and tells anybody with its address what was published, and that it is over"
        )
        func told() async throws {
            let stage = try Stage.current
            let tenant = SampleTenant.brightwater
            let admin = try await stage.person(tenant, tenant.admin)
            let made = try await admin.server.send(
                .put, admin.path("status-page"), ["revision": 0, "audience": "anybody", "title": "Brightwater"])
            let address = try #require(made["page"]?["address"]?.string)
            _ = try await admin.post("status-page/components", ["name": "Posting"])
            _ = try await admin.post("status-page/components", ["name": "Platform", "source": "platform"])
            let reader = ServerAPI(stage.installation.address)
            let seen = try await Patience.wait(seconds: Stage.patienceSeconds, for: "a measured component") { () -> JSONValue? in
                let seen = try await reader.get("\(address)/status.json")
                let counted = seen["components"]?[1]?["uptime"]?["countedSeconds"]?.int ?? 0
                return counted > 0 ? seen : JSONValue?.none
            }
            #expect(seen["components"]?[1]?["state"] == "operational", "\(seen.text)")

            let told = try await admin.post(
                "status-page/notices",
                [
                    "title": "Posting is late", "text": "Postings wait.", "impact": "critical", "components": ["Posting"],
                    "publish": true,
                ])
            let notice = try #require(told["id"]?.string)
            func state() async throws -> String? {
                try await reader.get("\(address)/status.json")["components"]?[0]?["state"]?.string
            }
            _ = try await Patience.wait(seconds: Stage.patienceSeconds, for: "the outage") { () -> Bool? in
                try await state() == "major-outage" ? true : nil
            }
            let page = try await reader.exchange(.get, address, headers: [], body: nil)
            #expect(page.status == 200 && String(decoding: page.body, as: UTF8.self).contains("Postings wait."))
            _ = try await admin.post(
                "status-page/notices/\(notice)/updates", ["phase": "resolved", "text": "It is over.", "publish": true])
            _ = try await Patience.wait(seconds: Stage.patienceSeconds, for: "the end of it") { () -> Bool? in
                try await state() == "operational" ? true : nil
            }
            let feed = try await reader.get("\(address)/feed.json")
            #expect(feed["items"]?.array?.map { $0["content_text"]?.string } == ["It is over.", "Postings wait."])
            let log = try await admin.items("audit").map(\.text).joined()
            #expect(!log.contains(address.dropFirst(8)), "the address opens the page and stands in no log")
        }
    }
}
