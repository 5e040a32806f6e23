import Branding
import Kernel
import Testing

@testable import Tenancy

@Suite("the document of a brand")
struct BrandDocumentTests {
    private func read(_ text: String) throws -> (brand: BrandDocument?, issues: [AssetIssue]) {
        var issues: [AssetIssue] = []
        let brand = BrandDocument.parse(try JSONValue(parsing: Array(text.utf8)), issues: &issues)
        return (brand, issues)
    }

    private static let whole = """
        {"kind": "brand", "displayName": "Halden & Price", "primary": "#6b2346", "accent": "#b88a2e", "radius": 3,
         "hideProductName": false, "palette": {"light": {"accent": "#a58206"}}, "logos": {"light": "logo.png"},
         "texts": {"footer": "For all"}, "translations": {"de": {"footer": "Für alle"}},
         "mail": {"fromName": "Halden & Price", "templates": {"report-ready": {"de": {"subject": "Bericht {{period}}",
         "body": "Siehe\\n\\n{{link}}"}}}}, "locks": ["footer"]}
        """

    @Test("what is read is written again member by member")
    func roundTrip() throws {
        let (brand, issues) = try read(BrandDocumentTests.whole)
        #expect(issues.isEmpty, "\(issues)")
        let again = try #require(brand).json
        var other: [AssetIssue] = []
        #expect(BrandDocument.parse(again, issues: &other) == brand)
        #expect(again["radius"] == 3 && again["hideProductName"] == false)
        #expect(again["palette"]?["light"]?["accent"] == "#a58206")
    }

    @Test("there are some fifty fields, each with a place of its own in the file and a shape that the schema tells")
    func fields() {
        let places = BrandDocument.Field.allCases.map { BrandDocument.pointer(to: $0) }
        #expect(Set(places).count == places.count && places.count >= 45)
        for field in BrandDocument.Field.allCases { #expect(!field.title.isEmpty && field.note.hasSuffix(".")) }
    }

    @Test(
        "what is not of its form is told with its place",
        arguments: [
            ("{\"kind\": \"brand\", \"primary\": \"#FFF\"}", "/primary"),
            ("{\"kind\": \"brand\", \"radius\": 99}", "/radius"),
            ("{\"kind\": \"brand\", \"css\": \"*{}\"}", "/css"),
            ("{\"kind\": \"brand\", \"logos\": {\"light\": \"../x.png\"}}", "/logos/light"),
            ("{\"kind\": \"brand\", \"logos\": {\"light\": \"x.jpg\"}}", "/logos/light"),
            ("{\"kind\": \"brand\", \"phone\": \"0800 <b>\"}", "/phone"),
            ("{\"kind\": \"brand\", \"texts\": {\"privacyUrl\": \"https://1.2.3.4/x\"}}", "/texts/privacyUrl"),
            ("{\"kind\": \"brand\", \"texts\": {\"privacyUrl\": \"https://user@a.example/x\"}}", "/texts/privacyUrl"),
            (
                "{\"kind\": \"brand\", \"mail\": {\"templates\": {\"report-ready\": {\"en\": "
                    + "{\"subject\": \"a\", \"body\": \"{{x}}\"}}}}}",
                "/mail/templates/report-ready/en/body"
            ),
        ])
    func hostile(text: String, pointer: String) throws {
        let (_, issues) = try read(text)
        #expect(issues.map(\.pointer).contains(pointer), "\(issues)")
    }

    @Test("each field comes from the nearest level that sets it, and a lock above wins")
    func resolution() throws {
        let partner = Scope.partner("halden-price")
        let tenant = Scope.tenant("kestrel-labs", partner: "halden-price")
        let top = BrandDocument(values: [.primary: "#111111", .footer: "Run by us"], locks: [.footer])
        let middle = BrandDocument(
            values: [.primary: "#222222", .footer: "Ours"], translations: [.de: [.loginTitle: "Anmeldung"]])
        let low = BrandDocument(values: [.accent: "#333333"])
        let brand = ResolvedBrand([(tenant, low), (partner, middle), (.operator, top)])
        #expect(brand[.primary] == "#222222" && brand.fields[.primary]?.source == partner)
        #expect(brand[.footer] == "Run by us" && brand.lock(on: .footer, for: tenant) == .operator)
        #expect(brand.lock(on: .footer, for: .operator) == nil)
        #expect(brand[.accent] == "#333333" && brand.fields[.radius]?.source == nil)
        #expect(brand[.loginTitle, .de] == "Anmeldung" && brand[.loginTitle, .fr] == "Sign in")
        let over = BrandDocument(values: [.loginTitle: "Come in"])
        #expect(ResolvedBrand([(tenant, over), (partner, middle)])[.loginTitle, .de] == "Come in")
    }

    @Test("whether a second person is needed is the operator's to say")
    func secondPerson() throws {
        let partner = Scope.partner("vela")
        let mine = BrandDocument(values: [.secondPerson: "sensitive"])
        let always = BrandDocument(values: [.secondPerson: "always"])
        #expect(ResolvedBrand([(partner, mine), (.operator, always)])[.secondPerson] == "always")
        #expect(
            BrandCheck.issues(mine, of: partner, above: [(.operator, always)], others: []).map(\.pointer) == ["/secondPerson"])
    }

    @Test("a name that reads like the operator's is refused, and so is a colour that cannot be read")
    func check() throws {
        let brand = BrandDocument(values: [
            .displayName: "N0rthgate", .primary: "#6b2346", .accent: "#b88a2e", .lightText: "#eeeeee",
        ])
        let issues = BrandCheck.issues(brand, of: .partner("vela"), above: [], others: ["Northgate"])
        #expect(issues.map(\.pointer) == ["/displayName", "/palette/light/text"], "\(issues)")
        #expect(issues.last?.remedy.hasPrefix("The nearest that passes is \"#") == true)
    }

    @Test("changes are told field by field, and those that law and mails rest on are marked")
    func changes() throws {
        let old = BrandDocument(values: [.primary: "#111111", .legalNotice: "Old"])
        let new = BrandDocument(values: [.primary: "#222222", .legalNotice: "New"], translations: [.de: [.footer: "Neu"]])
        let found = BrandCheck.changes(from: old, to: new)
        #expect(found.map(\.field) == ["primary", "footer.de", "legalNotice"])
        #expect(found.map(\.isSensitive) == [false, false, true])
        #expect(BrandCheck.changes(from: new, to: new).isEmpty)
    }
}
