import Kernel
import Seals
import Testing
import WebKernel

@testable import API
@testable import Flow

/// An identity provider of our own making: it keeps to the standard unless it is told to lie.
final class PretendProvider: Sendable {
    static let issuer = "https://login.alpha.example/tenant"
    static let client = "countersign-alpha"
    static let secret = "a secret between two"

    /// What it is about to answer, and may be bent before it does.
    struct Plan: Sendable {
        var claims: JSONObject
        /// The claims as written, in the place of those above.
        var text: String?
        var header: JSONObject
        /// Signs header and claims; nil for the provider's own key.
        var signs: (@Sendable ([UInt8]) -> [UInt8])?
        /// The whole token instead.
        var token: (@Sendable (String) -> String)?
        var status = 200
        /// The whole answer instead.
        var body: JSONValue?
        var accessToken = "an access token"
        /// What it sends back by way of the browser.
        var answer: [(name: String, value: String)]
    }

    private struct State {
        var bend: (@Sendable (inout Plan) -> Void)?
        var asked: [JSONObject] = []
        var questions: [String] = []
        var metadata: JSONObject
        var keys: [JSONValue]
        var redeemed: Set<String> = []
    }

    let key = SigningKey(entropy: .system)
    let other = SigningKey(entropy: .system)
    private let state: Locked<State>
    private let now: Locked<@Sendable () -> Int64> = Locked({ 0 })

    init() {
        state = Locked(
            State(
                metadata: [
                    "issuer": .string(Self.issuer), "authorization_endpoint": .string(Self.issuer + "/authorize"),
                    "token_endpoint": .string(Self.issuer + "/token"), "jwks_uri": .string(Self.issuer + "/keys"),
                    "end_session_endpoint": .string(Self.issuer + "/leave"), "response_types_supported": ["code"],
                    "code_challenge_methods_supported": ["plain", "S256"],
                    "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "EdDSA"],
                    "authorization_response_iss_parameter_supported": true,
                ], keys: []))
        state.withLock { $0.keys = [Self.published(key, "k1")] }
    }

    static func published(_ key: SigningKey, _ name: String?) -> JSONValue {
        var object: JSONObject = [
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "x": .string(Base64.encode(key.publicKey.bytes, .url)),
        ]
        if let name { object["kid"] = .string(name) }
        return .object(object)
    }

    func tells(_ time: @escaping @Sendable () -> Int64) { now.withLock { $0 = time } }

    /// How the next answers are bent; nil for honest ones.
    func bend(_ bend: (@Sendable (inout Plan) -> Void)?) { state.withLock { $0.bend = bend } }

    func publish(_ keys: [JSONValue]) { state.withLock { $0.keys = keys } }
    func say(_ name: String, _ value: JSONValue?) { state.withLock { $0.metadata[name] = value } }

    /// How often an address was asked.
    func count(_ path: String) -> Int { state.withLock { $0.questions.count { $0.hasSuffix(path) } } }

    // MARK: For the browser

    /// A person agrees at the provider: where the browser is sent back to, as name and value.
    func agrees(to location: String) throws -> [(name: String, value: String)] {
        let asked = PretendProvider.fields(location)
        #expect(asked["response_type"]?.string == "code" && asked["code_challenge_method"]?.string == "S256")
        #expect(asked["client_id"]?.string == Self.client && asked["scope"]?.string?.hasPrefix("openid") == true)
        let code = state.withLock { state -> String in
            state.asked.append(asked)
            return "code-\(state.asked.count - 1)"
        }
        return plan(asked).answer.map { $0.name == "code" && $0.value == "?" ? ("code", code) : $0 }
    }

    private func plan(_ asked: JSONObject) -> Plan {
        let now = now.withLock { $0() }
        var plan = Plan(
            claims: [
                "iss": .string(Self.issuer), "aud": .string(Self.client), "sub": "subject-1", "nonce": asked["nonce"] ?? .null,
                "exp": JSONValue(now + 3600), "iat": JSONValue(now), "email": "Approver@Alpha.example", "email_verified": true,
                "name": "Somebody Else",
            ], header: ["alg": "EdDSA", "kid": "k1", "typ": "JWT"],
            answer: [("code", "?"), ("state", asked["state"]?.string ?? ""), ("iss", Self.issuer)])
        if asked["prompt"]?.string == "login" { plan.claims["auth_time"] = JSONValue(now) }
        plan.claims["at_hash"] = .string(
            Base64.encode(TokenAlgorithm.edDSA.halfHash(of: plan.accessToken), .url))
        state.withLock { $0.bend }?(&plan)
        return plan
    }

    // MARK: For the worker

    func answer(_ question: ProviderQuestion, _ tenant: TenantID) async -> Asking.Answer {
        let url = question.input["url"]?.string ?? ""
        state.withLock { $0.questions.append(url) }
        switch url {
        case Self.issuer + "/.well-known/openid-configuration": return said(200, .object(state.withLock { $0.metadata }))
        case Self.issuer + "/keys": return said(200, ["keys": .array(state.withLock { $0.keys })])
        case Self.issuer + "/token": return redeem(question)
        default: return .output(["outcome": "unreached", "detail": "nobody lives there"])
        }
    }

    private func said(_ status: Int, _ body: JSONValue) -> Asking.Answer {
        .output([
            "outcome": "answered", "status": JSONValue(status), "detail": "", "body": .string(Base64.encode(body.bytes)),
        ])
    }

    private func redeem(_ question: ProviderQuestion) -> Asking.Answer {
        let fields = question.input["fields"]
        #expect(question.secrets["secret"] == Self.secret && question.input["client"]?.string == Self.client)
        #expect(fields?["grant_type"]?.string == "authorization_code")
        guard let code = fields?["code"]?.string, let number = Int(code.dropFirst(5)),
            let asked = state.withLock({ $0.asked.indices.contains(number) ? $0.asked[number] : nil }),
            state.withLock({ $0.redeemed.insert(code).inserted }),
            fields?["redirect_uri"]?.string == asked["redirect_uri"]?.string,
            CodeChallenge.challenge(of: fields?["code_verifier"]?.string ?? "") == asked["code_challenge"]?.string
        else { return said(400, ["error": "invalid_grant"]) }
        let plan = plan(asked)
        if let body = plan.body { return said(plan.status, body) }
        let claims = plan.text.map { Array($0.utf8) } ?? JSONValue.object(plan.claims).bytes
        let parts = [JSONValue.object(plan.header).bytes, claims].map { Base64.encode($0, .url) }
        let signed = Array(parts.joined(separator: ".").utf8)
        let signature = plan.signs?(signed) ?? key.signature(over: signed)
        let token = parts.joined(separator: ".") + "." + Base64.encode(signature, .url)
        return said(
            plan.status,
            [
                "token_type": "Bearer", "access_token": .string(plan.accessToken), "expires_in": 864_000,
                "id_token": .string(plan.token?(token) ?? token),
            ])
    }

    /// The query of an address, unescaped.
    static func fields(_ location: String) -> JSONObject {
        var out = JSONObject()
        for pair in location.split(separator: "?", maxSplits: 1).last?.split(separator: "&") ?? [] {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            out[parts[0]] = .string(parts.count > 1 ? unescaped(parts[1]) : "")
        }
        return out
    }

    private static func unescaped(_ text: String) -> String {
        var out: [UInt8] = []
        var bytes = Array(text.utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "%"), bytes.count >= 2,
                let value = UInt8(String(decoding: bytes.prefix(2), as: UTF8.self), radix: 16)
            {
                out.append(value)
                bytes = bytes.dropFirst(2)
            } else {
                out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
