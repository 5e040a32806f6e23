import Glibc
import Kernel
import Seals
import TestBasics
import Testing

@Suite("hashes and tokens")
struct HashTests {
    @Test("a hash in pieces is the hash of the whole, and can be read on the way")
    func stream() {
        var random = Seeded("sha-256 in pieces")
        let stream = SHA256Stream()
        var all: [UInt8] = []
        for _ in 0..<50 {
            let piece = (0..<random.int(0...200)).map { _ in UInt8(random.int(0...255)) }
            stream.update(piece)
            all += piece
            #expect(stream.digest() == SHA256.hash(all))
        }
        #expect(SHA256.hexText([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(SHA256.hexText("abc".utf8) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test("an approval's hash does not depend on how the object was written")
    func objectHash() throws {
        let left = try JSONValue(parsing: #"{"gross":"119.00","lines":[{"net":"100.00"}],"n":1.0}"#)
        let right = try JSONValue(parsing: #"{ "n": 1, "lines": [{"net": "100.00"}], "gross": "119.00" }"#)
        #expect(try ObjectHash.of(left) == ObjectHash.of(right))
        let changed = try JSONValue(parsing: #"{"gross":"119.01","lines":[{"net":"100.00"}],"n":1}"#)
        #expect(try ObjectHash.hexText(of: left) != ObjectHash.hexText(of: changed))
        let endless = try JSONValue(parsing: "[1e999]")
        #expect(#expect(throws: Refusal.self) { try ObjectHash.of(endless) }?.reason == "object.canonical")
    }

    @Test("checksums and base62 agree with published values")
    func checksums() {
        #expect(CRC32.of("123456789".utf8) == 0xCBF4_3926)
        #expect(CRC32.of([]) == 0)
        #expect(Base62.text(0, count: 6) == "000000")
        #expect(Base62.text(61, count: 1) == "z")
        #expect(Base62.number("4gfFC3") == UInt64(UInt32.max))
        #expect(Base62.number("") == nil)
        #expect(Base62.number("a-b") == nil)
        #expect(Base62.number("zzzzzzzzzzzz") == nil)
        var random = Seeded("base62 round trip")
        for _ in 0..<500 {
            let number = UInt64.random(in: 0...UInt64.max, using: &random)
            #expect(Base62.number(Base62.text(number, count: 11)) == number)
        }
    }

    @Test("random digits use the whole alphabet evenly")
    func evenness() {
        var counts: [Character: Int] = [:]
        for digit in Base62.random(count: 62_000, entropy: .system) { counts[digit, default: 0] += 1 }
        #expect(counts.count == 62)
        // A thousand each on average; a fair draw leaves 700...1300 less than once in 10^20 runs.
        #expect(counts.values.allSatisfy { (700...1300).contains($0) })
    }

    @Test("a mistyped API key is turned away by its checksum")
    func apiKeys() throws {
        let key = APIKeyText(environment: "prod")
        let read = try #require(APIKeyText(key.text))
        #expect(read.keyID == key.keyID)
        #expect(read.environment == "prod")
        #expect(read.matches(key.secretHash))
        #expect(!"\(key) \(String(reflecting: key))".contains(key.text.suffix(20)))
        var bytes = Array(key.text.utf8)
        for index in bytes.indices {
            let old = bytes[index]
            bytes[index] = old == UInt8(ascii: "x") ? UInt8(ascii: "y") : UInt8(ascii: "x")
            #expect(APIKeyText(String(decoding: bytes, as: UTF8.self)) == nil)
            bytes[index] = old
        }
        for wrong in ["", "cs_", "cs_prod_a_b", key.text + "0", " " + key.text] { #expect(APIKeyText(wrong) == nil) }
        #expect(SecretToken().text.utf8.count == 43)
        #expect(SecretToken(presented: "") == nil)
        #expect(constantTimeEqual([1, 2], [1, 2]) && !constantTimeEqual([1, 2], [1, 3]) && !constantTimeEqual([1], [1, 2]))
    }
}

@Suite("sealed secrets")
struct SecretBoxTests {
    private let tenant = TenantID(high: 1, low: 1)

    private func place(_ row: String = "erp", version: Int = 1, tenant: TenantID? = nil, column: String = "sealed") -> SecretPlace
    {
        SecretPlace(tenant: tenant ?? self.tenant, table: "connection_secret", column: column, row: row, version: version)
    }

    @Test("a secret opens where it was sealed and nowhere else")
    func binding() throws {
        let box = SecretBox(ring: .ephemeral())
        let secret = Array("bearer 1234".utf8)
        let sealed = box.seal(secret, at: place())
        #expect(sealed.count == secret.count + SecretBox.overheadBytes)
        #expect(try box.open(sealed, at: place()) == secret)
        let elsewhere = [
            place("bank"), place(version: 2), place(tenant: TenantID(high: 1, low: 2)), place(column: "draft"), place("erp|1"),
        ]
        for other in elsewhere { #expect(throws: Fault.self) { try box.open(sealed, at: other) } }
        #expect(throws: Fault.self) { try SecretBox(ring: .ephemeral()).open(sealed, at: place()) }
        #expect(box.seal(secret, at: place()) != sealed)
        #expect(try box.open(box.seal([], at: place()), at: place()).isEmpty)
    }

    @Test("no single altered or missing byte goes unnoticed")
    func tampering() throws {
        let box = SecretBox(ring: .ephemeral())
        let sealed = box.seal("client secret".utf8, at: place())
        for index in sealed.indices {
            var copy = sealed
            copy[index] ^= 1
            #expect(throws: Fault.self) { try box.open(copy, at: place()) }
            #expect(throws: Fault.self) { try box.open(Array(sealed.prefix(index)), at: place()) }
        }
        #expect(throws: Fault.self) { try box.open(sealed + [0], at: place()) }
    }

    @Test("rotation rewraps old secrets, and they open without the old root key")
    func rotation() throws {
        let old = SymmetricKey(entropy: .system)
        let new = SymmetricKey(entropy: .system)
        let before = SecretBox(ring: try KeyRing([1: old]))
        let during = SecretBox(ring: try KeyRing([1: old, 2: new]))
        let after = SecretBox(ring: try KeyRing([2: new]))
        let sealed = before.seal("token".utf8, at: place())
        #expect(SecretBox.keyVersion(of: sealed) == 1)
        let moved = try #require(try during.rewrapped(sealed, at: place()))
        #expect(SecretBox.keyVersion(of: moved) == 2)
        #expect(try during.rewrapped(moved, at: place()) == nil)
        #expect(try after.open(moved, at: place()) == Array("token".utf8))
        let fault = #expect(throws: Fault.self) { try after.open(sealed, at: place()) }
        #expect(fault?.detail.contains("root key 1") == true)
    }

    @Test("a fingerprint tells equal secrets of one tenant and nothing across tenants")
    func fingerprints() {
        let box = SecretBox(ring: .ephemeral())
        let other = TenantID(high: 1, low: 2)
        #expect(box.fingerprint(of: "a".utf8, tenant: tenant) == box.fingerprint(of: "a".utf8, tenant: tenant))
        #expect(box.fingerprint(of: "a".utf8, tenant: tenant) != box.fingerprint(of: "b".utf8, tenant: tenant))
        #expect(box.fingerprint(of: "a".utf8, tenant: tenant) != box.fingerprint(of: "a".utf8, tenant: other))
    }

    @Test("keys never print themselves")
    func silence() throws {
        let seed = [UInt8](repeating: 0x41, count: 32)
        let key = try #require(SymmetricKey(seed))
        let signing = try #require(SigningKey(seed: seed))
        var dumped = ""
        dump((key, signing), to: &dumped)
        #expect(!(dumped + "\(key)\(signing)").contains("65"))
        #expect(SymmetricKey([1, 2, 3]) == nil)
    }

    @Test("the key file is made once, kept private, and refused when others may read it")
    func keyFile() throws {
        let directory = try temporaryDirectory()
        defer { removeDirectory(directory) }
        let path = directory + "/root.keys"
        let first = SecretBox(ring: try KeyRing.loadOrCreate(path))
        let sealed = first.seal("secret".utf8, at: place())
        let second = SecretBox(ring: try KeyRing.loadOrCreate(path))
        #expect(try second.open(sealed, at: place()) == Array("secret".utf8))
        #expect(try FileBytes.names(in: directory) == ["root.keys"])
        chmod(path, 0o640)
        #expect(throws: Fault.self) { try KeyRing.load(path) }
        chmod(path, 0o600)
        for wrong in ["", "1 short", "0 \(Base64.encode([UInt8](repeating: 1, count: 32)))", "x y z"] {
            try write(wrong, to: path)
            #expect(throws: Fault.self) { try KeyRing.load(path) }
        }
        #expect(throws: Fault.self) { try KeyRing.load(directory + "/absent") }
    }

    private func temporaryDirectory() throws -> String {
        var template = Array("/tmp/countersign-seals-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } }
        return try #require(made)
    }

    private func removeDirectory(_ path: String) {
        // Whatever a failing test left behind; nothing depends on it.
        for name in (try? FileBytes.names(in: path)) ?? [] { unlink(path + "/" + name) }
        rmdir(path)
    }

    private func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_TRUNC)
        try #require(descriptor >= 0)
        _ = Array(text.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }
}

@Suite("passwords")
struct PasswordTests {
    private let quick = ScryptCost(logN: 4, r: 1, p: 1)

    @Test("a password matches its stored hash and no other does")
    func verification() async throws {
        let hasher = PasswordHasher(cost: quick)
        let stored = try await hasher.hash("correct horse")
        #expect(stored.hasPrefix("$scrypt$ln=4,r=1,p=1$"))
        #expect(try await hasher.verify("correct horse", against: stored) == .matches(isOutdated: false))
        #expect(try await hasher.verify("correct horse ", against: stored) == .differs)
        #expect(try await hasher.verify("correct horse", against: nil) == .differs)
        #expect(try await hasher.verify("correct horse", against: "garbage") == .differs)
        #expect(try await hasher.hash("correct horse") != stored)
        let raised = PasswordHasher(cost: ScryptCost(logN: 5, r: 1, p: 1))
        #expect(try await raised.verify("correct horse", against: stored) == .matches(isOutdated: true))
    }

    @Test("the default cost is what the stored text says, and libcrypto computes it")
    func standardCost() async throws {
        let stored = try await PasswordHasher().hash("correct horse")
        #expect(stored.hasPrefix("$scrypt$ln=15,r=8,p=3$"))
        let hash = try #require(PasswordHash(stored))
        #expect(hash.text == stored)
        #expect(hash.cost == .standard)
    }

    @Test("more sign-ins than the queue holds are refused before anything is hashed")
    func bound() async throws {
        let gate = Gate()
        let hasher = PasswordHasher(runningMax: 1, waitingMax: 2, cost: quick) { password, salt, cost, count in
            gate.pass()
            return Scrypt.derive(password, salt: salt, cost: cost, count: count)
        }
        let patient = (0..<3).map { _ in Task { try await hasher.hash("flood") } }
        while hasher.load != (running: 1, waiting: 2) { await Task.yield() }
        for _ in 0..<5 {
            let refusal = await #expect(throws: Refusal.self) { try await hasher.hash("flood") }
            #expect(refusal?.code == .tooMany)
        }
        gate.open()
        for task in patient { #expect(try await task.value.hasPrefix("$scrypt$")) }
        #expect(try await hasher.verify("x", against: hasher.hash("x")) == .matches(isOutdated: false))
    }

    @Test(
        "a stored text that would cost more than ours is not computed",
        arguments: [
            "", "$scrypt$", "$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$scrypt$ln=20,r=32,p=16$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$scrypt$ln=99,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$scrypt$ln=9223372036854775807,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$scrypt$r=8,ln=15,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$scrypt$ln=15,r=8,p=3$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA", "$scrypt$ln=15,r=8,p=3$c2FsdHNhbHQ$",
            "$scrypt$ln=-1,r=8,p=3$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
        ])
    func storedForm(text: String) {
        #expect(PasswordHash(text) == nil)
    }

    @Test("a password has a length")
    func length() async {
        let hasher = PasswordHasher(cost: quick)
        await #expect(throws: Refusal.self) { try await hasher.hash("") }
        await #expect(throws: Refusal.self) { try await hasher.hash(String(repeating: "x", count: 1025)) }
    }
}

/// Holds threads until it is opened for good.
private final class Gate: Sendable {
    private let semaphore: UnsafeSendable

    private struct UnsafeSendable: @unchecked Sendable { let pointer: UnsafeMutablePointer<sem_t> }

    init() {
        semaphore = UnsafeSendable(pointer: .allocate(capacity: 1))
        semaphore.pointer.initialize(to: sem_t())
        sem_init(semaphore.pointer, 0, 0)
    }

    deinit { semaphore.pointer.deallocate() }

    func open() { sem_post(semaphore.pointer) }

    func pass() {
        sem_wait(semaphore.pointer)
        sem_post(semaphore.pointer)
    }
}
