import Curl
import Kernel

/// Asks the tenant's identity provider for what it publishes, or for the tokens of a code:
/// `{outcome: answered|refused|unreached, status?, body?, detail}`.
///
/// Redirects are not followed: a token endpoint that sends us elsewhere would have us carry a secret there. What is answered is
/// read up to a bound and handed on whole; nothing of it is logged here.
struct ProviderCaller {
    static let connectMilliseconds = 4_000
    /// Below the ten seconds that a question is waited for.
    static let totalMilliseconds = 8_500
    /// Providers publish some ten keys; a larger answer ends the transfer.
    static let answerBytesMax = 262_144

    let client: CurlClient

    func get(_ input: JSONValue) async -> JSONValue {
        guard let url = input["url"]?.string else { return ProviderCaller.answer("refused", "no address was given") }
        return await call(.get, url, [HTTPHeader("Accept", "application/json")], nil, input)
    }

    /// A form with what the code was got for. The secret goes into the header unless the provider wants it in the form.
    func redeem(_ input: JSONValue, secret: String?) async -> JSONValue {
        guard let url = input["url"]?.string, let client = input["client"]?.string, let secret, !secret.isEmpty,
            let isSecretInBody = input["secretInBody"]?.bool
        else { return ProviderCaller.answer("refused", "the question is incomplete") }
        var fields = (input["fields"]?.object ?? [:]).map { (name: $0.key, value: $0.value.string ?? "") }
        var headers = [
            HTTPHeader("Accept", "application/json"), HTTPHeader("Content-Type", "application/x-www-form-urlencoded"),
        ]
        if isSecretInBody {
            fields += [(name: "client_id", value: client), (name: "client_secret", value: secret)]
        } else {
            // RFC 6749 2.3.1: both are escaped as in a form before they are joined.
            let pair = ProviderCaller.escaped(client) + ":" + ProviderCaller.escaped(secret)
            headers.append(HTTPHeader("Authorization", "Basic " + Base64.encode(Array(pair.utf8))))
        }
        let form = fields.map { "\(ProviderCaller.escaped($0.name))=\(ProviderCaller.escaped($0.value))" }
        return await call(.post, url, headers, Array(form.joined(separator: "&").utf8), input)
    }

    private func call(
        _ method: HTTPMethod, _ url: String, _ headers: [HTTPHeader], _ body: [UInt8]?, _ input: JSONValue
    ) async -> JSONValue {
        let entries = (input["allow"]?.array ?? []).compactMap { $0.string.flatMap { EgressPolicy.Entry($0) } }
        do throws(CurlFailure) {
            let response = try await client.perform(
                HTTPRequest(
                    method, url, headers: headers, body: body, connectTimeoutMilliseconds: ProviderCaller.connectMilliseconds,
                    totalTimeoutMilliseconds: ProviderCaller.totalMilliseconds, maxBodyBytes: ProviderCaller.answerBytesMax,
                    egress: EgressPolicy(entries: entries)))
            return .object([
                "outcome": "answered", "status": JSONValue(response.status), "detail": .string("status \(response.status)"),
                "body": .string(Base64.encode(response.body)),
            ])
        } catch {
            let isRefused = error.kind == .invalidRequest || error.kind == .addressDenied
            return ProviderCaller.answer(isRefused ? "refused" : "unreached", "\(error.kind.rawValue): \(error.detail)")
        }
    }

    private static func answer(_ outcome: String, _ detail: String) -> JSONValue {
        ["outcome": .string(outcome), "detail": .string(detail)]
    }

    /// As in a form: everything but letters, digits and `-._~` by its bytes.
    static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
