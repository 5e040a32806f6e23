import Kernel
import Seals
import TestBasics
import Testing

@Suite("published cryptography vectors")
struct CryptoVectorTests {
    private func cases(_ name: String) throws -> [JSONValue] {
        guard let directory = Checkout.published("vectors/crypto") else { return [] }
        return try #require(VectorFile.read("\(directory)/\(name).json")["cases"]?.array)
    }

    private func hex(_ entry: JSONValue, _ member: String) throws -> [UInt8] {
        try #require(entry[member]?.string.flatMap { VectorFile.hexBytes($0) }, "\(member)")
    }

    private func run(_ name: String, _ verdict: (JSONValue) throws -> Bool?) throws {
        let cases = try cases(name)
        guard !cases.isEmpty else { return }
        var tally = ConformanceTally()
        for entry in cases {
            let id = entry["name"]?.string ?? "?"
            guard let isPassed = try verdict(entry) else {
                tally.record(id, .skipped("not a thing we do"))
                continue
            }
            tally.record(id, isPassed: isPassed, "wrong answer")
        }
        print("\(name): \(tally.summary)")
        for skip in tally.skips { print("  \(skip.id): \(skip.why)") }
        #expect(tally.failures.isEmpty, "\(tally.failures)")
        #expect(tally.passed > 0)
    }

    @Test("HMAC-SHA256 of RFC 4231")
    func hmac() throws {
        try run("hmac") { entry in
            let code = HMAC.sha256(key: try hex(entry, "key_hex"), try hex(entry, "data_hex"))
            return code.hexText == entry["hmac_sha256_hex"]?.string
        }
    }

    @Test("HKDF of RFC 5869")
    func hkdf() throws {
        try run("hkdf") { entry in
            guard entry["hash"]?.string == "SHA256" else { return nil }
            let salt = entry["salt_hex"]?.string.flatMap { VectorFile.hexBytes($0) } ?? []
            let key = HKDF.sha256(
                key: try hex(entry, "ikm_hex"), salt: salt, info: try hex(entry, "info_hex"),
                count: try #require(entry["length"]?.int))
            return key.hexText == entry["okm_hex"]?.string
        }
    }

    @Test("scrypt of RFC 7914")
    func scrypt() throws {
        try run("scrypt") { entry in
            guard entry["slow"]?.bool != true else { return nil }
            let n = try #require(entry["N"]?.int)
            let cost = ScryptCost(
                logN: n.trailingZeroBitCount, r: try #require(entry["r"]?.int), p: try #require(entry["p"]?.int))
            let key = Scrypt.derive(
                (entry["password"]?.string ?? "").utf8, salt: (entry["salt"]?.string ?? "").utf8, cost: cost,
                count: try #require(entry["length"]?.int))
            return key?.hexText == entry["key_hex"]?.string
        }
    }

    @Test("Ed25519 of RFC 8032, and signatures that must not pass")
    func ed25519() throws {
        try run("ed25519") { entry in
            let message = try hex(entry, "message_hex")
            let signature = try hex(entry, "signature_hex")
            let publicKey = VerifyingKey(try hex(entry, "public_hex"))
            let isValid = publicKey?.isValid(signature, over: message) ?? false
            guard isValid == entry["valid"]?.bool else { return false }
            guard isValid, entry["secret_hex"]?.string != nil, let key = SigningKey(seed: try hex(entry, "secret_hex")) else {
                return true
            }
            return key.publicKey == publicKey && key.signature(over: message) == signature
        }
    }

    @Test("the canonical form and its hash over the published cases of RFC 8785")
    func canonicalForm() throws {
        guard let directory = Checkout.published("vectors/jcs") else { return }
        let tally = try JCSConformance.run(directory: directory) { SHA256Stream() }
        print("jcs conformance: \(tally.summary)")
        #expect(tally.failures.isEmpty, "\(tally.failures)")
        #expect(tally.passed >= 54)
    }
}
