import Kernel
import Testing

@testable import Tenancy

@Suite("Identity providers of tenants")
struct IdentityTermsTests {
    private static func section(_ changes: JSONObject = [:]) -> JSONValue {
        var section: JSONObject = [
            "name": "Login", "issuer": "https://login.example/tenant", "clientId": "countersign", "secret": "login-secret",
            "domains": ["brightwater.example"],
        ]
        for (name, value) in changes { section[name] = value }
        return .object(section)
    }

    private func issues(_ json: JSONValue) -> [String] {
        var issues: [AssetIssue] = []
        guard IdentityTerms.shape.check(json, issues: &issues) else { return issues.map(\.pointer) }
        _ = IdentityTerms.parse(json, at: "/identity", issues: &issues)
        return issues.map(\.pointer)
    }

    @Test("a section is read, and what is left out is the safe way")
    func read() {
        var issues: [AssetIssue] = []
        let terms = IdentityTerms.parse(Self.section(), at: "/identity", issues: &issues)
        #expect(issues.isEmpty && terms.allowsPasswords && terms.trustedMethods.isEmpty)
        #expect(terms.algorithms == IdentityTerms.algorithmNames)
        #expect(terms.discoveryAddress == "https://login.example/tenant/.well-known/openid-configuration")
        let slashed = IdentityTerms.parse(
            Self.section(["issuer": "https://login.example/"]), at: "/identity", issues: &issues)
        #expect(slashed.discoveryAddress == "https://login.example/.well-known/openid-configuration")
    }

    @Test(
        "a section that would trust the wrong one is an issue at its place",
        arguments: [
            ("issuer", "http://login.example/tenant", "/identity/issuer"), ("issuer", "https://Login.example", "/issuer"),
            ("issuer", "https://login.example/?a=b", "/issuer"), ("issuer", "https://a@login.example", "/issuer"),
            ("issuer", "https://login.example/../x", "/issuer"), ("issuer", "login.example", "/issuer"),
            ("clientId", "with blank", "/clientId"), ("secret", "The Secret", "/secret"), ("name", "", "/name"),
        ] as [(String, JSONValue, String)] + [
            ("domains", [], "/domains"), ("domains", ["example"], "/domains/0"),
            ("domains", ["@brightwater.example"], "/domains/0"),
            ("domains", ["Brightwater.example"], "/domains/0"), ("domains", ["a..b"], "/domains/0"),
            ("algorithms", ["none"], "/algorithms/0"), ("algorithms", ["HS256"], "/algorithms/0"),
            ("passwords", "no", "/passwords"), ("roles", ["approver"], "/roles"), ("trustedMethods", [], "/trustedMethods"),
            ("allow", ["login.example"], "/allow/0"),
        ])
    func refused(member: String, value: JSONValue, pointer: String) {
        #expect(issues(Self.section([member: value])) == [pointer], "\(value.text)")
    }

    @Test("plain http is for a place that the section allows, and for no other")
    func plain() {
        let allowed: JSONObject = ["issuer": "http://127.0.0.1:7571", "allow": ["127.0.0.1:7571"]]
        #expect(issues(Self.section(allowed)).isEmpty)
    }

    @Test("an address belongs to a domain by all that stands after its last @, in whatever letters of ASCII")
    func covered() {
        var issues: [AssetIssue] = []
        let terms = IdentityTerms.parse(
            Self.section(["domains": ["kite.example", "brightwater.example"]]), at: "", issues: &issues)
        for email in ["maya@brightwater.example", "MAYA@Brightwater.EXAMPLE", "a@b@kite.example"] {
            #expect(terms.covers(email), "\(email)")
        }
        // The Kelvin sign folds to a k for those who fold more than ASCII.
        for email in ["maya@\u{212A}ite.example", "maya@sub.kite.example", "maya@kite.example.", "kite.example", "@", ""] {
            #expect(!terms.covers(email), "\(email)")
        }
    }

    @Test("times may bear a fraction; those beyond reason are no times")
    func times() throws {
        let base: JSONObject = ["iss": "i", "aud": ["c"], "sub": "s", "nonce": "n"]
        func read(_ exp: String, _ iat: String) throws -> IdentityClaims {
            var claims = base
            claims["exp"] = .number(JSONNumber(unchecked: exp))
            claims["iat"] = .number(JSONNumber(unchecked: iat))
            return try IdentityClaims(
                claims, for: .init(issuer: "i", clientID: "c", nonce: "n", accessTokenHash: nil), now: 1000)
        }
        #expect(try read("1000.75", "999.5").subject == "s")
        #expect(try read("941", "940").subject == "s", "within what clocks may differ")
        for (exp, iat) in [("940", "939"), ("2e9", "1000"), ("99999999999999999999", "1000"), ("2000", "-5"), ("1000", "1000")] {
            #expect(throws: Refusal.self, "\(exp) \(iat)") { try read(exp, iat) }
        }
    }
}
