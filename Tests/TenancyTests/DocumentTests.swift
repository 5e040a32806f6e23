import Kernel
import Tenancy
import Testing

@Suite("Configuration documents")
struct DocumentTests {
    private func issues(_ parse: (inout [AssetIssue]) -> Void) -> [AssetIssue] {
        var found: [AssetIssue] = []
        parse(&found)
        return found
    }

    private func person(_ members: JSONObject) -> JSONValue {
        var all: JSONObject = [
            "id": "maya-lund", "name": "Maya Lund", "email": "maya.lund@brightwater.example", "roles": ["ap-clerk"],
        ]
        for (key, value) in members { all[key] = value }
        return ["kind": "people", "people": [.object(all)]]
    }

    @Test("an unknown member is answered with the nearest known name")
    func nearestName() throws {
        let found = issues { _ = PeopleDocument.parse(person(["emial": "x"]), scope: .operator, issues: &$0) }
        let issue = try #require(found.first)
        #expect(issue.pointer == "/people/0/emial")
        #expect(issue.message.contains("`emial`"))
        #expect(issue.remedy.hasPrefix("Remove it"), "`email` is there already, so it cannot have been meant")
        let title = issues { _ = PeopleDocument.parse(person(["tilte": "Clerk"]), scope: .operator, issues: &$0) }
        #expect(title.first?.remedy == "Did you mean `title`?")
    }

    @Test("everything wrong is reported at once")
    func allIssues() {
        let json: JSONValue = [
            "kind": "people",
            "people": [
                ["id": "Maya", "name": 7, "email": "nobody", "roles": []],
                [
                    "id": "b-c", "name": "B", "email": "b@c.example", "roles": ["ap-clerk"],
                    "approvalLimit": ["amount": "1,000", "currency": "EURO"],
                ],
            ],
        ]
        let pointers = issues { _ = PeopleDocument.parse(json, scope: .operator, issues: &$0) }.map(\.pointer)
        #expect(
            pointers == [
                "/people/0/id", "/people/0/name", "/people/0/email", "/people/0/roles", "/people/1/approvalLimit/amount",
                "/people/1/approvalLimit/currency",
            ])
    }

    @Test("an approval limit has no more decimals than its currency")
    func limitDecimals() throws {
        let json = person(["approvalLimit": ["amount": "1000.50", "currency": "JPY"]])
        let found = issues { _ = PeopleDocument.parse(json, scope: .operator, issues: &$0) }
        #expect(found.map(\.pointer) == ["/people/0/approvalLimit/amount"])
        let good = person(["approvalLimit": ["amount": "1000.50", "currency": "EUR"]])
        var none: [AssetIssue] = []
        let people = PeopleDocument.parse(good, scope: .operator, issues: &none)
        #expect(people?.people.first?.approvalLimit?.minorUnits == 100_050)
    }

    @Test("a visit to a tenant is a grant on that tenant")
    func visit() throws {
        var none: [AssetIssue] = []
        let json = person(["roles": [["role": "support-visitor", "tenant": "kestrel-labs", "until": "2026-12-31T00:00:00Z"]]])
        let people = try #require(PeopleDocument.parse(json, scope: .operator, issues: &none))
        let grant = try #require(people.resolvingTenants { $0 == "kestrel-labs" ? "vela" : nil }.people[0].grants.first)
        #expect(grant.scope == .tenant("kestrel-labs", partner: "vela"))
        #expect(grant.until == Moment("2026-12-31T00:00:00Z"))
        #expect(people.resolvingTenants { _ in nil }.people[0].grants.isEmpty)
    }

    @Test("a role above the tenants cannot hold a permission that opens documents")
    func payloadRoles() {
        let json: JSONValue = [
            "kind": "operator", "slug": "northgate", "name": "Northgate", "locale": "en", "timezone": "Europe/London",
            "roles": [["name": "peeker", "title": "Peeker", "level": "operator", "permissions": ["fleet.read", "runs.read"]]],
        ]
        let found = issues { _ = OperatorDocument.parse(json, issues: &$0) }
        #expect(found.map(\.pointer) == ["/roles/0/permissions/1"])
    }

    @Test("a zone that no clock knows is refused", arguments: ["Europe/Hamburg", "../../etc/passwd", "", "europe berlin"])
    func zones(zone: String) {
        #expect(TextRule.timeZone.problem(with: zone) != nil)
    }

    @Test(
        "addresses that two parsers could read differently are refused",
        arguments: [
            "http:///127.0.0.1/", "http://user@erp.example", "https://erp.example/", "https://erp.example/a/../b",
            "https://erp.example?x=1",
            "https://erp.example#x", "https://ERP.example", "https://erp.example:0", "https://erp.example:65536",
            "https://erp.example:080",
            "ftp://erp.example", "https://erp..example", "https://", "https://erp.example/%2e%2e", "https://ⓛocalhost",
        ])
    func addresses(text: String) {
        #expect(TextRule.baseURL.problem(with: text) != nil)
    }

    @Test("plain http needs an allow entry for exactly that place")
    func plainHTTP() {
        func connection(_ url: String, _ allow: JSONValue) -> JSONValue {
            [
                "kind": "connection", "name": "erp", "title": "Ledger", "connector": "erp-sandbox", "baseUrl": .string(url),
                "allow": allow,
                "settleSeconds": 20,
            ]
        }
        #expect(
            issues { _ = ConnectionDocument.parse(connection("http://127.0.0.1:7411", ["127.0.0.1:7411"]), issues: &$0) }.isEmpty)
        #expect(
            issues { _ = ConnectionDocument.parse(connection("http://127.0.0.1:7411/api", ["127.0.0.1:7412"]), issues: &$0) }.map(
                \.pointer)
                == ["/baseUrl"])
        #expect(
            issues { _ = ConnectionDocument.parse(connection("http://erp.example", ["erp.example:80/10.0.0.0/8"]), issues: &$0) }
                .isEmpty)
        #expect(
            !issues { _ = ConnectionDocument.parse(connection("https://erp.example", ["erp.example:443"]), issues: &$0) }.isEmpty)
    }

    @Test("targets are service time in hours, minutes and seconds")
    func targets() {
        let good: [(String, Int)] = [
            ("8h", 28_800), ("2h 30m", 9_000), ("2h30m", 9_000), ("90s", 90), ("45m", 2_700), ("1h 1s", 3_601),
        ]
        for (text, seconds) in good { #expect(ServiceTarget.seconds(of: text) == seconds) }
        for text in ["", "8", "h", "8d", "30m 2h", "8h ", " 8h", "8h  5m", "0s", "1h 1h", "-8h", "8.5h", "999999999h"] {
            #expect(ServiceTarget.seconds(of: text) == nil, "\(text)")
        }
    }

    @Test("contracts overlap when there is an instant at which both hold")
    func overlap() {
        func contract(_ from: Int64, _ to: Int64?) -> ContractDocument {
            ContractDocument(
                name: "c", version: "1", title: "C", calendar: "x", effectiveFrom: Moment(seconds: from),
                effectiveTo: to.map { Moment(seconds: $0) }, objectives: [])
        }
        #expect(!contract(0, 10).overlaps(contract(10, nil)))
        #expect(contract(0, 11).overlaps(contract(10, nil)))
        #expect(contract(0, nil).overlaps(contract(100, 200)))
        #expect(contract(0, 10).isInForce(at: Moment(seconds: 0)))
        #expect(!contract(0, 10).isInForce(at: Moment(seconds: 10)))
    }
}

@Suite("Brands")
struct BrandTests {
    private let tenant = Scope.tenant("solara-energia", partner: "vela")

    @Test("each value comes from the nearest level that sets it, and says from where")
    func resolution() {
        let brand = ResolvedBrand([
            (tenant, BrandDocument(values: [.supportEmail: "help@solara.example"])),
            (.partner("vela"), BrandDocument(values: [.displayName: "Vela", .supportEmail: "help@vela.example", .radius: "10"])),
            (.operator, BrandDocument(values: [.displayName: "Northgate", .legalName: "Northgate Ltd"])),
        ])
        #expect(brand[.supportEmail] == "help@solara.example")
        #expect(brand.fields[.supportEmail]?.source == tenant)
        #expect(brand[.displayName] == "Vela")
        #expect(brand.radius == 10)
        #expect(brand.fields[.legalName]?.source == .operator)
        #expect(brand[.primary] == "#1d4e63")
        #expect(brand.fields[.primary]?.source == nil)
        #expect(brand.json["displayName"]?["source"]?.string == "partner/vela")
    }

    @Test("a lock above wins over what is set below")
    func locks() {
        let brand = ResolvedBrand([
            (tenant, BrandDocument(values: [.footer: "Ours"])),
            (.partner("vela"), BrandDocument(values: [.footer: "Vela"])),
            (.operator, BrandDocument(values: [.footer: "Northgate"], locks: [.footer])),
        ])
        #expect(brand[.footer] == "Northgate")
    }

    @Test(
        "colours are six lower-case hexadecimal digits",
        arguments: ["#6B2346", "6b2346", "#6b234", "#6b23466", "#6b234g", "red", ""])
    func colors(text: String) {
        var issues: [AssetIssue] = []
        _ = BrandDocument.parse(["kind": "brand", "primary": .string(text)], issues: &issues)
        #expect(issues.map(\.pointer) == ["/primary"])
    }
}
