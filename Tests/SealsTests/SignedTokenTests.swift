import Kernel
import TestBasics
import Testing

@testable import Seals

@Suite("Signatures of identity providers")
struct SignedTokenTests {
    /// Keys and tokens that another library made.
    private static func fixture() throws -> JSONValue {
        try JSONValue(
            parsing: try FileBytes.read("\(Checkout.root)/Tests/Fixtures/identity/signatures.json", maxBytes: 100_000))
    }

    private func flaw(_ act: () throws -> Void) -> String {
        do {
            try act()
            return "none"
        } catch { return (error as? Refusal)?.reason ?? "\(error)" }
    }

    @Test("a token is of its key and of no other, whatever is changed in it", arguments: TokenAlgorithm.allCases)
    func verified(by algorithm: TokenAlgorithm) throws {
        let fixture = try Self.fixture()
        let keys = try JSONWebKeySet(json: fixture)
        let text = try #require(fixture["tokens"]?[algorithm.rawValue]?.string)
        let token = try SignedToken(text, allowed: TokenAlgorithm.allCases)
        let key = try #require(keys.key(named: token.keyID, for: token.algorithm))
        #expect(try token.claims(verifiedBy: key)["n"]?.string == algorithm.rawValue)
        for other in keys.keys where other != key {
            #expect(flaw { _ = try token.claims(verifiedBy: other) } == "id-token.signature")
        }
        var parts = text.split(separator: ".").map(String.init)
        let signature = try #require(Base64.decode(parts[2], .url))
        for index in [0, signature.count / 2, signature.count - 1] {
            var wrong = signature
            wrong[index] ^= 1
            parts[2] = Base64.encode(wrong, .url)
            let forged = try SignedToken(parts.joined(separator: "."), allowed: TokenAlgorithm.allCases)
            #expect(flaw { _ = try forged.claims(verifiedBy: key) } == "id-token.signature")
        }
        parts[1] = Base64.encode(Array(#"{"sub":"s-2","n":"x"}"#.utf8), .url)
        parts[2] = Base64.encode(signature, .url)
        let changed = try SignedToken(parts.joined(separator: "."), allowed: TokenAlgorithm.allCases)
        #expect(flaw { _ = try changed.claims(verifiedBy: key) } == "id-token.signature")
        for cut in [signature.dropLast(), [], signature + [0]] {
            parts[2] = Base64.encode(Array(cut), .url)
            let short = try SignedToken(parts.joined(separator: "."), allowed: TokenAlgorithm.allCases)
            #expect(flaw { _ = try short.claims(verifiedBy: key) } != "none")
        }
        #expect(flaw { _ = try SignedToken(text, allowed: []) } == "id-token.algorithm")
    }

    @Test("an RSA key signs by either of its ways, and a key that says which by that one only")
    func oneWay() throws {
        let fixture = try Self.fixture()
        let rsa = try #require(fixture["keys"]?.array?.first)
        let key = try #require(JSONWebKey(json: rsa))
        #expect(key.fits(.rs256) && key.fits(.ps256) && !key.fits(.es256) && !key.fits(.edDSA))
        var bound = try #require(rsa.object)
        bound["alg"] = "PS256"
        let only = try #require(JSONWebKey(json: .object(bound)))
        #expect(only.fits(.ps256) && !only.fits(.rs256))
    }

    @Test("keys that are weak, secret, for encryption or malformed are no keys")
    func noKeys() throws {
        let fixture = try Self.fixture()
        let good = try #require(fixture["keys"]?.array)
        func without(_ index: Int, _ changes: KeyValuePairs<String, JSONValue?>) -> JSONValue {
            var object = good[index].object ?? [:]
            for (name, value) in changes { object[name] = value }
            return .object(object)
        }
        let bad: [JSONValue] = [
            try #require(fixture["weak"]), ["kty": "oct", "k": "c2VjcmV0", "kid": "rsa"], without(0, ["use": "enc"]),
            without(0, ["alg": "RS512"]), without(0, ["alg": "HS256"]), without(0, ["e": "AQ"]), without(0, ["e": "Ag"]),
            without(0, ["n": "AAAA"]), without(0, ["n": JSONValue?.none]), without(0, ["kid": 7]), without(0, ["kid": ""]),
            without(0, ["key_ops": ["encrypt"]]), without(1, ["crv": "P-384"]), without(1, ["x": "AA"]),
            without(2, ["crv": "X25519"]), without(2, ["x": "AA=="]), "text", .null,
        ]
        for json in bad { #expect(JSONWebKey(json: json) == nil, "\(json.text.prefix(80))") }
        // A point that is not on the curve is found when it is used.
        let off = try #require(JSONWebKey(json: without(1, ["y": good[1]["x"]])))
        let token = try SignedToken(
            try #require(fixture["tokens"]?["ES256"]?.string), allowed: TokenAlgorithm.allCases)
        #expect(flaw { _ = try token.claims(verifiedBy: off) } == "id-token.signature")
    }

    @Test("a name finds one key; without a name only a single key can be meant, and a name that stands twice means none")
    func chosen() throws {
        let fixture = try Self.fixture()
        let keys = try #require(fixture["keys"]?.array)
        let set = try JSONWebKeySet(json: fixture)
        #expect(set.key(named: nil, for: .es256)?.id == "p256")
        #expect(set.key(named: "rsa", for: .es256) == nil && set.key(named: "other", for: .rs256) == nil)
        var second = keys[2].object ?? [:]
        second["kid"] = "ed-2"
        let two = try JSONWebKeySet(json: ["keys": .array(keys + [.object(second)])])
        #expect(two.key(named: nil, for: .edDSA) == nil && two.key(named: "ed-2", for: .edDSA)?.id == "ed-2")
        let twice = try JSONWebKeySet(json: ["keys": .array(keys + [keys[0]])])
        #expect(twice.key(named: "rsa", for: .rs256) == nil)
        for json: JSONValue in [["keys": "none"], [:], ["keys": .array(Array(repeating: keys[0], count: 65))]] {
            #expect(flaw { _ = try JSONWebKeySet(json: json) } == "provider.keys")
        }
    }
}
