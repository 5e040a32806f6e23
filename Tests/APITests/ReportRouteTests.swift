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

@Suite("monthly reports on a page and from a program")
struct ReportRouteTests {
    /// An office whose tenant alpha has a contract, and a drafted and built report of June.
    private static func open(_ database: TestDatabase) async throws -> (office: Office, id: String) {
        let office = try Office(store: database.store)
        let scope = Tenancy.Scope.tenant("alpha", partner: "harbour")
        let contract: JSONValue = [
            "kind": "contract", "name": "managed-ap", "version": "1", "title": "Managed accounts payable", "calendar": "always",
            "effectiveFrom": "2026-01-01T00:00:00Z", "reporting": ["language": "de", "recipients": ["ines@alpha.example"]],
            "objectives": [["name": "posting", "title": "Posting", "target": "2h"]],
        ]
        let calendar: JSONValue = [
            "kind": "calendar", "name": "always", "version": "1", "title": "Always", "timezone": "UTC",
            "week": ["mon": [["00:00", "24:00"]]],
        ]
        var bundle = try Office.configuration()
        bundle.append(
            Applying.Asset(
                scope: scope, kind: "contract", name: "managed-ap", version: "1",
                content: try signedOnPaper(contract)))
        bundle.append(Applying.Asset(scope: .operator, kind: "calendar", name: "always", version: "1", content: calendar))
        _ = try await office.services.applying.apply(bundle, by: nil)
        let provider = try await office.session("operator-admin", at: "operator")
        let drafted = await office.call(
            .post, "/api/v1/tenants/alpha/sla-reports", as: provider, body: ["month": "2026-06"],
            headers: [(name: "Idempotency-Key", value: "d")])
        #expect(drafted.status == 201, "\(drafted.text)")
        let id = try #require(drafted.json["items"]?[0]?["id"]?.string)
        let building = ReportBuilding(platform: office.platform, assets: office.services.assets)
        let report = try #require(SLAReportID(id))
        #expect(try await building.build(report, of: try await office.scope("alpha").id))
        return (office, id)
    }

    /// The text with both sides' signatures on paper over it.
    private static func signedOnPaper(_ text: JSONValue) throws -> JSONValue {
        var object = text.object ?? [:]
        object["signed"] = [
            "hash": .string(try ObjectHash.hexText(of: text)),
            "provider": ["name": "Ines Okafor", "at": "2025-12-01T10:00:00Z"],
            "tenant": ["name": "Ruth Adler", "at": "2025-12-02T10:00:00Z"],
        ]
        return .object(object)
    }

    private func post(
        _ office: Office, _ path: String, _ token: SecretToken, _ body: JSONValue = [:]
    ) async -> Office.Answer {
        await office.call(
            .post, path, as: token, body: body,
            headers: [(name: "Idempotency-Key", value: SHA256.hexText("\(path) \(body.text)".utf8))])
    }

    @Test("the operator drafts and submits, the tenant's administrator signs what was read, and neither does the other's part")
    func duties() async throws {
        try await TestDatabase.with(template: .office) { database in
            let (office, id) = try await ReportRouteTests.open(database)
            let path = "/api/v1/tenants/alpha/sla-reports/\(id)"
            let provider = try await office.session("operator-admin", at: "operator")
            let admin = try await office.session("tenant-admin", at: "alpha")
            let clerk = try await office.session("ap-clerk", at: "alpha")
            #expect(await post(office, "/api/v1/tenants/alpha/sla-reports", admin, ["month": "2026-05"]).status == 403)
            #expect(await post(office, "\(path)/submit", admin).status == 403)
            #expect(await post(office, "\(path)/submit", provider).status == 200)
            let shown = await office.call(.get, path, as: admin)
            let hash = try #require(shown.json["documentHash"]?.string)
            #expect(shown.json["state"] == "in-review" && shown.json["hash"]?.string == hash)
            #expect(await post(office, "\(path)/sign-off", provider, ["hash": .string(hash)]).status == 403)
            #expect(await post(office, "\(path)/sign-off", clerk, ["hash": .string(hash)]).status == 403)
            #expect(await post(office, "\(path)/sign-off", admin, ["hash": "00"]).status == 412)
            let signed = await post(office, "\(path)/sign-off", admin, ["hash": .string(hash)])
            #expect(signed.status == 200 && signed.json["state"] == "signed-off", "\(signed.text)")
            #expect(await post(office, "\(path)/sign-off", admin, ["hash": .string(hash), "x": 1]).status == 400)
        }
    }

    @Test("the mail of a report has a link that opens, and comes in the name of the brand")
    func letter() async throws {
        try await TestDatabase.with(template: .office) { database in
            let (office, id) = try await ReportRouteTests.open(database)
            let scope = try await office.scope("alpha")
            let shown = try await office.services.reports.shown(scope.id, try #require(SLAReportID(id)))
            let letter = try await ReportFiles.letter(
                shown, scope: scope, site: "https://console.example.com", services: office.services)
            #expect(letter.text.contains("https://console.example.com/t/alpha/sla-reports/\(id)"), "\(letter.text)")
            let brand = try await office.services.brands.worn(by: scope).brand
            #expect(letter.sender.name == brand[.displayName] && !letter.sender.name.isEmpty)
            #expect(letter.pdf == nil && letter.fileName == "service-report-alpha-2026-06-r1.pdf")
            let nowhere = try await ReportFiles.letter(shown, scope: scope, site: nil, services: office.services)
            #expect(nowhere.text.contains(" /t/alpha/sla-reports/\(id)"))
        }
    }

    @Test("a report is had as page, document, data and table, and the page stays where no PDF can be made")
    func forms() async throws {
        try await TestDatabase.with(template: .office) { database in
            let (office, id) = try await ReportRouteTests.open(database)
            let path = "/api/v1/tenants/alpha/sla-reports/\(id)"
            let admin = try await office.session("tenant-admin", at: "alpha")
            let page = await office.call(.get, "\(path)/html", as: admin)
            #expect(page.status == 200 && page.text.contains("Servicebericht, Juni 2026"), "\(page.text)")
            let document = await office.call(.get, "\(path)/document", as: admin)
            #expect(try ObjectHash.hexText(of: try #require(document.json["document"])) == document.json["hash"]?.string)
            #expect(await office.call(.get, "\(path)/csv", as: admin).text.hasPrefix("part,name,figure,value\r\n"))
            #expect(await office.call(.get, "\(path)/data?piece=1", as: admin).text.hasPrefix("{"))
            #expect(await office.call(.get, "\(path)/data?piece=9", as: admin).status == 404)
            let file = await office.call(.get, "\(path)/pdf", as: admin)
            #expect(file.status == 503 && file.json["code"] == "press.missing", "\(file.text)")
            let beta = try await office.session("tenant-admin", at: "beta")
            for form in ["html", "pdf", "csv", "document", "data"] {
                #expect(await office.call(.get, "\(path)/\(form)", as: beta).status == 404, "\(form)")
                let own = "/api/v1/tenants/beta/sla-reports/\(id)/\(form)"
                #expect(await office.call(.get, own, as: beta).status == 404, "\(form)")
            }
            for (place, words) in [("sla-reports", "June 2026"), ("sla-reports/\(id)", "Ask for the review")] {
                let cookie = (name: "Cookie", value: "session=\(admin.text)")
                let shown = await office.send(.get, "/t/alpha/\(place)", headers: [cookie])
                #expect(shown.status == 200, "\(shown.text)")
                // Buttons are for those who may press them.
                #expect(shown.text.contains(words) == (words == "June 2026"))
            }
        }
    }

    @Test("a month over tenants shows each their own")
    func portfolio() async throws {
        try await TestDatabase.with(template: .office) { database in
            let (office, id) = try await ReportRouteTests.open(database)
            let path = "/api/v1/sla-reports?month=2026-06"
            func seen(_ role: String, _ slug: String) async throws -> [String] {
                let answer = await office.call(.get, path, as: try await office.session(role, at: slug))
                #expect(answer.status == 200, "\(answer.text)")
                #expect(answer.text.contains(id) == (slug != "beta"), "\(role) of \(slug)")
                return (answer.json["items"]?.array ?? []).compactMap { $0["tenant"]?.string }.sorted()
            }
            #expect(try await seen("operator-admin", "operator") == ["alpha", "beta"])
            #expect(try await seen("partner-admin", "harbour") == ["alpha", "beta"])
            #expect(try await seen("tenant-admin", "beta") == ["beta"])
            let admin = try await office.session("tenant-admin", at: "alpha")
            #expect(await office.call(.get, "/api/v1/sla-reports?month=June", as: admin).status == 400)
            let provider = try await office.session("operator-admin", at: "operator")
            let page = await office.send(
                .get, "/operator/sla-reports?month=2026-06",
                headers: [(name: "Cookie", value: "session=\(provider.text)")])
            #expect(page.status == 200 && page.text.contains("Tenant alpha") && page.text.contains("no report"), "\(page.text)")
        }
    }

    @Test("a credit is approved by whoever had no part in its report, put on a bill, and only the customer could have waived it")
    func credits() async throws {
        try await TestDatabase.with(template: .office) { database in
            let (office, id) = try await ReportRouteTests.open(database)
            let provider = try await office.session("operator-admin", at: "operator")
            let partner = try await office.session("partner-admin", at: "harbour")
            let admin = try await office.session("tenant-admin", at: "alpha")
            let scope = try await office.scope("alpha")
            let report = try #require(SLAReportID(id))
            let row = try await office.services.reports.shown(scope.id, report).row
            let note = CreditNoteRow(
                tenant: scope.id, id: office.platform.newID(), number: 1, report: report, contractAsset: row.contractAsset,
                contract: row.contract, month: row.month, percent: try #require(ExactDecimal("5")),
                amount: try Money(minorUnits: 123_456, currency: try #require(Currency("EUR"))), involved: row.authors,
                proposedAt: office.services.clock.now)
            _ = try await office.store.withTenant(scope.id) { try await $0.query(CreditNoteQueries.insert(note)) }
            let path = "/api/v1/tenants/alpha/credit-notes/\(note.id)"
            let listed = await office.call(.get, "/api/v1/tenants/alpha/credit-notes?limit=1", as: admin)
            #expect(listed.json["items"]?[0]?["amount"] == "1234.56" && listed.json["next"] == "1", "\(listed.text)")
            #expect(await office.call(.get, "/api/v1/tenants/alpha/credit-notes?cursor=x", as: admin).status == 400)
            let page = await office.call(.get, "/t/alpha/sla-reports/\(id)", as: provider)
            #expect(page.text.contains("CN-1: 5 %, EUR 1,234.56") && !page.text.contains("Approve the credit"), "\(page.text)")
            let own = await post(office, "\(path)/approve", provider)
            #expect(own.status == 403 && own.json["code"] == "credit.own", "\(own.text)")
            #expect(await post(office, "\(path)/approve", admin).status == 403)
            #expect(await post(office, "\(path)/waive", provider, ["reason": "No."]).status == 403)
            let open = await office.call(.get, "/operator/credits", as: partner)
            #expect(open.text.contains("1 credit to approve") && open.text.contains("/t/alpha/sla-reports/\(id)"), "\(open.text)")
            #expect(await post(office, "\(path)/approve", partner).json["state"] == "approved")
            let more = await office.call(.get, "/api/v1/credit-notes", as: provider)
            #expect(more.json["items"]?[0]?["tenant"] == "alpha" && more.json["items"]?[0]?["state"] == "approved")
            #expect(await post(office, "\(path)/apply", partner).status == 400)
            #expect(await post(office, "\(path)/apply", partner, ["reference": "B-1"]).json["reference"] == "B-1")
            let late = await post(office, "\(path)/waive", admin, ["reason": "No."])
            #expect(late.status == 409 && late.json["code"] == "credit.state", "\(late.text)")
            let settled = await office.call(.get, "/t/alpha/credits", as: admin)
            #expect(settled.text.contains("on a bill") && settled.text.contains("June 2026"), "\(settled.text)")
        }
    }
}
