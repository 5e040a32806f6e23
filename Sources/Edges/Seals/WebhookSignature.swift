package import Kernel

/// What a webhook is signed with (Standard Webhooks 1.0): a shared secret, or a key of which the receiver has the public half.
package enum WebhookKey: Sendable, CustomStringConvertible, CustomReflectable {
    /// `whsec_`: HMAC-SHA256, label `v1`.
    case secret([UInt8])
    /// `whsk_`: Ed25519, label `v1a`.
    case signing(SigningKey)

    /// How many random bytes a new secret has; the standard asks for 24 to 64.
    package static let secretBytes = 32
    private static let secretBytesMax = 4096

    package init(entropy: Entropy) { self = .secret(entropy.bytes(WebhookKey.secretBytes)) }

    /// Reads `whsec_…`, `whsk_…`, or bare base64 of a shared secret. A refusal never repeats the text.
    package init(_ text: String) throws(Refusal) {
        let isSigning = text.hasPrefix("whsk_")
        let digits = isSigning ? text.dropFirst(5) : (text.hasPrefix("whsec_") ? text.dropFirst(6) : text[...])
        guard let bytes = Base64.decode(digits), !bytes.isEmpty, bytes.count <= WebhookKey.secretBytesMax else {
            throw Refusal(.invalid, reason: "webhook.secret", "A webhook's secret is whsec_ or whsk_ and base64 behind it.")
        }
        guard isSigning else {
            self = .secret(bytes)
            return
        }
        // Some write the public half behind the seed.
        guard let key = SigningKey(seed: bytes.prefix(32)), bytes.count == 32 || Array(bytes.dropFirst(32)) == key.publicKey.bytes
        else { throw Refusal(.invalid, reason: "webhook.secret", "A signing key of a webhook has 32 bytes.") }
        self = .signing(key)
    }

    /// As the receiver is shown it once: the secret itself, or the public key as `whpk_…`.
    package var shownText: String {
        switch self {
        case .secret(let bytes): "whsec_" + Base64.encode(bytes)
        case .signing(let key): "whpk_" + Base64.encode(key.publicKey.bytes)
        }
    }

    package var description: String { "a webhook's key (not shown)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Signing and checking messages as Standard Webhooks says. What is signed is `id.timestamp.body`, so neither of the first two
/// may hold a dot.
package enum WebhookSignature {
    package static let idHeader = "webhook-id"
    package static let timestampHeader = "webhook-timestamp"
    package static let signatureHeader = "webhook-signature"
    /// How far a message's time may lie from ours, either way, inclusive.
    package static let toleranceSeconds: Int64 = 300
    /// Most signatures of one message; during a rotation there are two.
    package static let signaturesMax = 64
    package static let idBytesMax = 256

    /// The headers of a message, with one signature per key: during a rotation both are given.
    package static func headers(
        id: String, timestamp: Int64, body: [UInt8], keys: [WebhookKey]
    ) throws(Refusal) -> [(name: String, value: String)] {
        guard isID(id), timestamp >= 0, !keys.isEmpty else {
            throw Refusal(.invalid, reason: "webhook.id", "A message's id has 1 to \(idBytesMax) characters and no dot.")
        }
        let content = content(id, String(timestamp), body)
        return [
            (idHeader, id), (timestampHeader, String(timestamp)),
            (signatureHeader, keys.map { signature(over: content, $0) }.joined(separator: " ")),
        ]
    }

    /// Why a message is not taken; the words are for logs and carry nothing of it.
    package enum Flaw: String, Error, Sendable {
        case headers = "an id, a timestamp and a signature are needed, each once"
        case id = "the id is empty, too long, or holds a dot"
        case timestamp = "the timestamp is no number of whole seconds"
        case tooOld = "the timestamp is too long ago"
        case tooNew = "the timestamp lies in the future"
        case signature = "no signature fits"
    }

    /// Checks a message against the keys that the receiver knows. The label before a signature chooses the algorithm; the other
    /// one is never tried.
    package static func check(
        headers: [(name: String, value: String)], body: [UInt8], now: Int64, secrets: [WebhookKey] = [],
        publicKeys: [VerifyingKey] = []
    ) throws(Flaw) -> (id: String, timestamp: Int64) {
        func one(_ name: String) throws(Flaw) -> String {
            let values = headers.filter { sameBytes(lower($0.name), name) }
            guard values.count == 1 else { throw .headers }
            return values[0].value
        }
        let (id, time, list) = (try one(idHeader), try one(timestampHeader), try one(signatureHeader))
        guard isID(id) else { throw .id }
        guard (1...18).contains(time.utf8.count), time.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let timestamp = Int64(time)
        else { throw .timestamp }
        let content = content(id, time, body)
        let signatures = list.split(separator: " ")
        guard signatures.count <= signaturesMax else { throw .signature }
        var isGood = false
        for signature in signatures {
            let parts = signature.split(separator: ",", maxSplits: 1)
            guard parts.count == 2, let bytes = Base64.decode(parts[1]) else { continue }
            switch parts[0] {
            case "v1":
                for case .secret(let key) in secrets where HMAC.isValid(bytes, key: key, content) { isGood = true }
            case "v1a":
                for key in publicKeys where key.isValid(bytes, over: content) { isGood = true }
            default: continue
            }
        }
        guard isGood else { throw .signature }
        guard timestamp >= now - toleranceSeconds else { throw .tooOld }
        guard timestamp <= now + toleranceSeconds else { throw .tooNew }
        return (id, timestamp)
    }

    /// `whpk_…`; nil for anything else.
    package static func publicKey(_ text: String) -> VerifyingKey? {
        guard text.hasPrefix("whpk_"), let bytes = Base64.decode(text.dropFirst(5)) else { return nil }
        return VerifyingKey(bytes)
    }

    static func signature(over content: [UInt8], _ key: WebhookKey) -> String {
        switch key {
        case .secret(let secret): "v1," + Base64.encode(HMAC.sha256(key: secret, content))
        case .signing(let key): "v1a," + Base64.encode(key.signature(over: content))
        }
    }

    static func content(_ id: String, _ timestamp: String, _ body: [UInt8]) -> [UInt8] {
        Array("\(id).\(timestamp).".utf8) + body
    }

    private static func isID(_ text: String) -> Bool {
        (1...idBytesMax).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: ".") }
    }

    private static func lower(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }
}
