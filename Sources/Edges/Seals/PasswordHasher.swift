import COpenSSL
import Glibc
package import Kernel

/// What a password hash costs: scrypt with N = 2^logN.
package struct ScryptCost: Sendable, Hashable {
    package let logN: Int
    package let r: Int
    package let p: Int

    /// 32 MiB and about half a second; 2^17/8/1 would cost 1.5 s, and any flood of sign-ins would lock people out.
    package static let standard = ScryptCost(logN: 15, r: 8, p: 3)
    /// Beyond this a stored hash is not computed: it did not come from us.
    package static let memoryBytesMax = 160 * 1_048_576

    package init(logN: Int, r: Int, p: Int) {
        self.logN = logN
        self.r = r
        self.p = p
    }

    var isSensible: Bool {
        (1...20).contains(logN) && (1...32).contains(r) && (1...16).contains(p) && memoryBytes <= ScryptCost.memoryBytesMax
    }

    var memoryBytes: Int { 128 * r * (1 << logN) + 128 * r * p + 256 * r + 64 }
}

/// scrypt (RFC 7914) with an explicit memory ceiling. Slow by intent: server code calls it through `PasswordHasher`.
package enum Scrypt {
    /// Nil when memory ran out or the cost is not one that scrypt knows.
    package static func derive(
        _ password: some Collection<UInt8>, salt: some Collection<UInt8>, cost: ScryptCost, count: Int
    ) -> [UInt8]? {
        var isGood: Int32 = 0
        let key = withBytes(password) { password in
            withBytes(salt) { salt in
                filled(count) { out in
                    isGood = password.withMemoryRebound(to: CChar.self) { password in
                        cs_scrypt(
                            password.baseAddress, password.count, salt.baseAddress, salt.count, 1 << UInt64(cost.logN),
                            UInt32(cost.r),
                            UInt32(cost.p), UInt64(cost.memoryBytes) * 2, out.baseAddress, out.count)
                    }
                }
            }
        }
        return isGood == 1 ? key : nil
    }
}

/// The stored form: `$scrypt$ln=15,r=8,p=3$salt$hash`, both parts base64 without padding (PHC string format).
package struct PasswordHash: Sendable, Hashable {
    package static let saltBytes = 16
    package static let keyBytes = 32
    private static let textBytesMax = 256

    package let cost: ScryptCost
    package let salt: [UInt8]
    package let key: [UInt8]

    package init(cost: ScryptCost, salt: [UInt8], key: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.key = key
    }

    /// Nil for what is not of this form or costs more than we are willing to compute.
    package init?(_ text: some StringProtocol) {
        let fields = text.split(separator: "$", omittingEmptySubsequences: false)
        guard text.utf8.count <= PasswordHash.textBytesMax, fields.count == 5, fields[0].isEmpty, fields[1] == "scrypt" else {
            return nil
        }
        let numbers = fields[2].split(separator: ",").map { $0.split(separator: "=", omittingEmptySubsequences: false) }
        guard numbers.count == 3, numbers.allSatisfy({ $0.count == 2 }), numbers.map({ $0[0] }) == ["ln", "r", "p"],
            let logN = Int(numbers[0][1]), let r = Int(numbers[1][1]), let p = Int(numbers[2][1]), (1...20).contains(logN),
            (1...32).contains(r), (1...16).contains(p), let salt = PasswordHash.decode(fields[3]),
            let key = PasswordHash.decode(fields[4]),
            salt.count >= 8, key.count >= 16
        else { return nil }
        cost = ScryptCost(logN: logN, r: r, p: p)
        guard cost.isSensible else { return nil }
        self.salt = salt
        self.key = key
    }

    package var text: String {
        "$scrypt$ln=\(cost.logN),r=\(cost.r),p=\(cost.p)$" + PasswordHash.encode(salt) + "$" + PasswordHash.encode(key)
    }

    private static func encode(_ bytes: [UInt8]) -> String {
        var text = Base64.encode(bytes)
        while text.utf8.last == UInt8(ascii: "=") { text.removeLast() }
        return text
    }

    private static func decode(_ text: some StringProtocol) -> [UInt8]? {
        guard !text.utf8.contains(UInt8(ascii: "=")) else { return nil }
        return Base64.decode(String(text) + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4))
    }
}

/// Hashes and checks passwords on threads of its own, a few at a time, and refuses more before hashing.
///
/// Each hash takes 32 MiB and half a second of a core: without a bound, a flood of sign-ins is an outage. Passwords are
/// compared as the bytes typed, at most 1024 of them.
package final class PasswordHasher: Sendable {
    package static let passwordBytesMax = 1024

    package enum Verdict: Sendable, Equatable {
        /// `isOutdated`: stored at another cost than today's, so hash it anew now that the password is at hand.
        case matches(isOutdated: Bool)
        case differs
    }

    private struct Queue {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }

    private let queue = Locked(Queue())
    private let runningMax: Int
    private let waitingMax: Int
    private let cost: ScryptCost
    private let entropy: Entropy
    private let nobody: PasswordHash
    private let scrypt: Derivation

    /// Password, salt, cost and length to a key; nil when memory ran out.
    package typealias Derivation = @Sendable (_ password: [UInt8], _ salt: [UInt8], ScryptCost, _ count: Int) -> [UInt8]?

    /// `runningMax` hashes at once and `waitingMax` waiting for them: with the defaults nobody waits more than about 2.5 s.
    ///
    /// `scrypt` is given by tests that must hold a hash half-way; it runs on the hasher's threads.
    package init(
        runningMax: Int = 2, waitingMax: Int = 8, cost: ScryptCost = .standard, entropy: Entropy = .system,
        scrypt: @escaping Derivation = { Scrypt.derive($0, salt: $1, cost: $2, count: $3) }
    ) {
        precondition(runningMax > 0 && waitingMax >= 0 && cost.isSensible, "a hasher that hashes nothing")
        self.runningMax = runningMax
        self.waitingMax = waitingMax
        self.cost = cost
        self.entropy = entropy
        self.scrypt = scrypt
        nobody = PasswordHash(cost: cost, salt: entropy.bytes(PasswordHash.saltBytes), key: entropy.bytes(PasswordHash.keyBytes))
    }

    /// The text to store. Refuses `password.length` (empty or over 1024 bytes) and `password.busy` (`tooMany`).
    package func hash(_ password: String) async throws(Refusal) -> String {
        try check(password)
        let salt = entropy.bytes(PasswordHash.saltBytes)
        let key = try await derive(password, salt: salt, cost: cost, count: PasswordHash.keyBytes)
        return PasswordHash(cost: cost, salt: salt, key: key).text
    }

    /// Compares with a stored text. With nil, or a text that is none of ours, it takes the same time and answers `differs`:
    /// an unknown account must not be told apart from a wrong password.
    package func verify(_ password: String, against stored: String?) async throws(Refusal) -> Verdict {
        try check(password)
        let known = stored.flatMap { PasswordHash($0) }
        let wanted = known ?? nobody
        let key = try await derive(password, salt: wanted.salt, cost: wanted.cost, count: wanted.key.count)
        guard constantTimeEqual(key, wanted.key), let known else { return .differs }
        return .matches(isOutdated: known.cost != cost)
    }

    /// How many are being hashed and how many wait, for a gauge.
    package var load: (running: Int, waiting: Int) { queue.withLock { ($0.running, $0.waiting.count) } }

    private func check(_ password: String) throws(Refusal) {
        guard (1...PasswordHasher.passwordBytesMax).contains(password.utf8.count) else {
            throw Refusal(
                .invalid, reason: "password.length", "A password has 1 to \(PasswordHasher.passwordBytesMax) bytes.")
        }
    }

    private func derive(_ password: String, salt: [UInt8], cost: ScryptCost, count: Int) async throws(Refusal) -> [UInt8] {
        let result: Result<[UInt8], Refusal> = await withCheckedContinuation { continuation in
            let isTaken = submit { [scrypt] in
                let key = scrypt(Array(password.utf8), salt, cost, count)
                continuation.resume(returning: key.map { .success($0) } ?? .failure(.noMemory))
            }
            if !isTaken { continuation.resume(returning: .failure(.busy)) }
        }
        return try result.get()
    }

    /// False when the queue is full or no thread can be had; then `job` is not run.
    private func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        enum Place { case now, later, never }
        let place = queue.withLock { queue -> Place in
            if queue.running < runningMax {
                queue.running += 1
                return .now
            }
            guard queue.waiting.count < waitingMax else { return .never }
            queue.waiting.append(job)
            return .later
        }
        guard place == .now else { return place == .later }
        let isStarted = startThread { [self] in
            job()
            while let next = next() { next() }
        }
        if !isStarted { queue.withLock { $0.running -= 1 } }
        return isStarted
    }

    private func next() -> (@Sendable () -> Void)? {
        queue.withLock { queue in
            guard !queue.waiting.isEmpty else {
                queue.running -= 1
                return nil
            }
            return queue.waiting.removeFirst()
        }
    }
}

extension Refusal {
    fileprivate static let busy = Refusal(
        .tooMany, reason: "password.busy", "Too many people are signing in at this moment. Try again in a few seconds.",
        facts: ["retryAfterSeconds": "5"])
    fileprivate static let noMemory = Refusal(
        .unavailable, reason: "password.memory", "Signing in is not possible at this moment. Try again in a minute.")
}

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// A thread and not the cooperative pool: half a second of hashing there would stop every other task.
private func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    let box = Unmanaged.passRetained(ThreadBody(body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    defer { pthread_attr_destroy(&attributes) }
    var thread = pthread_t()
    let result = pthread_create(
        &thread, &attributes,
        { raw in
            guard let raw else { return nil }
            Unmanaged<ThreadBody>.fromOpaque(raw).takeRetainedValue().run()
            return nil
        }, box.toOpaque())
    if result != 0 { box.release() }
    return result == 0
}
