package import Kernel

/// Cryptography and webhook signatures against folders of published cases.
package enum SealsConformance {
    /// `sign.json` and `verify.json` of Standard Webhooks.
    package static func webhooks(directory: String) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        for entry in try cases(directory, "sign") { tally.record("sign/\(name(entry))", sign(entry)) }
        for entry in try cases(directory, "verify") { tally.record("verify/\(name(entry))", verify(entry)) }
        return tally
    }

    private static func sign(_ entry: JSONValue) -> ConformanceTally.Verdict {
        let isBad = entry["error"]?.bool == true
        do throws(Refusal) {
            let key = try WebhookKey(entry["secret"]?.string ?? "")
            if isBad { return .failed("taken, but should be refused") }
            let headers = try WebhookSignature.headers(
                id: entry["id"]?.string ?? "", timestamp: entry["timestamp"]?.int64 ?? -1, body: body(entry), keys: [key])
            guard let found = headers.last?.value, found == entry["signature"]?.string else {
                return .failed("signed as \(headers.last?.value ?? "nothing")")
            }
            if case .signing = key, key.shownText != entry["public_key"]?.string { return .failed("the public key differs") }
            return .passed
        } catch {
            return isBad ? .passed : .failed("refused: \(error.message)")
        }
    }

    private static func verify(_ entry: JSONValue) -> ConformanceTally.Verdict {
        guard let wanted = entry["valid"]?.bool, let now = entry["now"]?.int64 else { return .failed("the case cannot be read") }
        var secrets: [WebhookKey] = []
        for text in entry["secrets"]?.array ?? [] {
            // A secret that is none verifies nothing.
            if let key = try? WebhookKey(text.string ?? "") { secrets.append(key) }
        }
        let publicKeys = (entry["public_keys"]?.array ?? []).compactMap { WebhookSignature.publicKey($0.string ?? "") }
        let headers = (entry["headers"]?.object?.members ?? []).map { (name: $0.key, value: $0.value.string ?? "") }
        do throws(WebhookSignature.Flaw) {
            _ = try WebhookSignature.check(
                headers: headers, body: body(entry), now: now, secrets: secrets, publicKeys: publicKeys)
            return wanted ? .passed : .failed("taken, but should be refused")
        } catch {
            return wanted ? .failed("refused: \(error.rawValue)") : .passed
        }
    }

    private static func body(_ entry: JSONValue) -> [UInt8] {
        entry["body_base64"]?.string.flatMap { Base64.decode($0) } ?? Array((entry["body"]?.string ?? "").utf8)
    }

    /// `ed25519`, `hkdf`, `hmac`, `hotp`, `pbkdf2`, `pkce`, `scrypt`, `totp` and `totp-window`. Cases marked slow (a gibibyte of
    /// memory) run when asked for.
    package static func crypto(directory: String, isSlowRun: Bool = false) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        let checks: [(file: String, isGood: (JSONValue) -> Bool)] = [
            ("ed25519", ed25519), ("hkdf", hkdf), ("hmac", hmac), ("hotp", hotp), ("pbkdf2", pbkdf2), ("pkce", pkce),
            ("scrypt", scrypt), ("totp", totp), ("totp-window", window),
        ]
        for (file, isGood) in checks {
            for entry in try cases(directory, file) {
                let id = "\(file)/\(name(entry))"
                if entry["slow"]?.bool == true, !isSlowRun {
                    tally.record(id, .skipped("it needs a gibibyte of memory; --slow runs it"))
                } else {
                    tally.record(id, isPassed: isGood(entry), "the result differs")
                }
            }
        }
        return tally
    }

    private static func ed25519(_ entry: JSONValue) -> Bool {
        guard let wanted = entry["valid"]?.bool, let message = hex(entry, "message_hex") else { return false }
        guard let key = VerifyingKey(hex(entry, "public_hex") ?? []), let signature = hex(entry, "signature_hex") else {
            return !wanted
        }
        if let seed = hex(entry, "secret_hex") {
            guard let signer = SigningKey(seed: seed), signer.publicKey == key, signer.signature(over: message) == signature
            else {
                return !wanted
            }
        }
        return key.isValid(signature, over: message) == wanted
    }

    private static func hkdf(_ entry: JSONValue) -> Bool {
        guard let digest = digest(entry, "hash"), let key = hex(entry, "ikm_hex"), let count = entry["length"]?.int, count > 0,
            count <= 255 * digest.byteCount
        else { return false }
        let salt = hex(entry, "salt_hex") ?? []
        let derived = HKDF.derive(digest, key: key, salt: salt, info: hex(entry, "info_hex") ?? [], count: count)
        return HKDF.extracted(digest, key: key, salt: salt) == hex(entry, "prk_hex") && derived == hex(entry, "okm_hex")
    }

    private static func hmac(_ entry: JSONValue) -> Bool {
        guard let key = hex(entry, "key_hex"), let data = hex(entry, "data_hex") else { return false }
        return HMAC.sha256(key: key, data) == hex(entry, "hmac_sha256_hex")
            && HMAC.code(.sha512, key: key, data) == hex(entry, "hmac_sha512_hex")
    }

    private static func hotp(_ entry: JSONValue) -> Bool {
        guard let secret = hex(entry, "secret_hex"), let counter = entry["counter"]?.int, let codes = codes(entry) else {
            return false
        }
        return codes.code(secret: secret, counter: UInt64(counter)) == entry["code"]?.string
    }

    private static func totp(_ entry: JSONValue) -> Bool {
        guard let secret = hex(entry, "secret_hex"), let time = entry["time"]?.int64, let codes = codes(entry) else {
            return false
        }
        return codes.code(secret: secret, atSeconds: time) == entry["code"]?.string
    }

    private static func window(_ entry: JSONValue) -> Bool {
        guard let secret = hex(entry, "secret_hex"), let now = entry["now"]?.int64, let codes = codes(entry),
            let code = entry["code"]?.string
        else { return false }
        let step = codes.step(of: code, secret: secret, atSeconds: now, windowSteps: entry["window_steps"]?.int ?? 1)
        return (step != nil) == entry["accept"]?.bool
    }

    private static func codes(_ entry: JSONValue) -> OneTimeCode? {
        guard let digits = entry["digits"]?.int, OneTimeCode.digitsRange.contains(digits) else { return nil }
        return OneTimeCode(
            digest: digest(entry, "algorithm") ?? .sha1, digits: digits, stepSeconds: Int64(entry["step"]?.int ?? 30))
    }

    private static func pbkdf2(_ entry: JSONValue) -> Bool {
        guard let digest = digest(entry, "hash"), let rounds = entry["iterations"]?.int, let count = entry["length"]?.int,
            (1...PBKDF2.iterationsMax).contains(rounds)
        else { return false }
        let (password, salt) = (entry["password"]?.string ?? "", entry["salt"]?.string ?? "")
        return PBKDF2.derive(digest, Array(password.utf8), salt: Array(salt.utf8), iterations: rounds, count: count)
            == hex(entry, "key_hex")
    }

    private static func scrypt(_ entry: JSONValue) -> Bool {
        guard let n = entry["N"]?.int, n > 1, n.nonzeroBitCount == 1, let r = entry["r"]?.int, let p = entry["p"]?.int,
            let count = entry["length"]?.int
        else { return false }
        let cost = ScryptCost(logN: n.trailingZeroBitCount, r: r, p: p)
        let (password, salt) = (entry["password"]?.string ?? "", entry["salt"]?.string ?? "")
        return Scrypt.derive(Array(password.utf8), salt: Array(salt.utf8), cost: cost, count: count) == hex(entry, "key_hex")
    }

    private static func pkce(_ entry: JSONValue) -> Bool {
        CodeChallenge.isValid(
            verifier: entry["verifier"]?.string ?? "", challenge: entry["challenge"]?.string ?? "",
            method: entry["method"]?.string ?? "") == entry["ok"]?.bool
    }

    private static func digest(_ entry: JSONValue, _ member: String) -> DigestKind? {
        DigestKind(rawValue: entry[member]?.string ?? "")
    }

    private static func hex(_ entry: JSONValue, _ member: String) -> [UInt8]? {
        entry[member]?.string.flatMap { VectorFile.hexBytes($0) }
    }

    private static func cases(_ directory: String, _ file: String) throws(Fault) -> [JSONValue] {
        try VectorFile.read("\(directory)/\(file).json")["cases"]?.array ?? []
    }

    private static func name(_ entry: JSONValue) -> String { entry["name"]?.string ?? "?" }
}
