import Curl
import Kernel

/// Sends one signed event to an address of the tenant's and says what was answered:
/// `{outcome, status?, retryAfterSeconds?, answer}`.
///
/// The worker never sees the secret: it is given the signed headers. Redirects are not followed, the address is judged where it
/// is dialled, and whatever is answered is read up to a bound and shown up to a smaller one.
struct WebhookSender {
    static let connectMilliseconds = 4_000
    /// Below the ten seconds that a question is waited for; a receiver has to answer within.
    static let totalMilliseconds = 8_500
    /// An answer that is longer ends the transfer.
    static let answerBytesMax = 65_536
    static let shownBytesMax = 512
    /// A pause that a receiver asks for in a date is not read; in seconds it is at most a day.
    static let retryAfterSecondsMax = 86_400

    let client: CurlClient
    let totalMilliseconds: Int

    init(client: CurlClient, totalMilliseconds: Int = WebhookSender.totalMilliseconds) {
        self.client = client
        self.totalMilliseconds = totalMilliseconds
    }

    func send(_ input: JSONValue) async -> JSONValue {
        guard let url = input["url"]?.string, let body = input["body"]?.string.flatMap({ Base64.decode($0) }) else {
            return WebhookSender.answer("refused", text: "the event is incomplete")
        }
        let headers = (input["headers"]?.array ?? []).compactMap { pair -> HTTPHeader? in
            guard let name = pair[0]?.string, let value = pair[1]?.string else { return nil }
            return HTTPHeader(name, value)
        }
        let entries = (input["allow"]?.array ?? []).compactMap { $0.string.flatMap { EgressPolicy.Entry($0) } }
        do throws(CurlFailure) {
            let response = try await client.perform(
                HTTPRequest(
                    .post, url, headers: headers, body: body, connectTimeoutMilliseconds: WebhookSender.connectMilliseconds,
                    totalTimeoutMilliseconds: totalMilliseconds, maxBodyBytes: WebhookSender.answerBytesMax,
                    egress: EgressPolicy(entries: entries)))
            let outcome =
                switch response.status {
                case 200..<300: "delivered"
                case 410: "gone"
                default: "failed"
                }
            return WebhookSender.answer(
                outcome, status: response.status, retryAfter: WebhookSender.retryAfter(response),
                text: WebhookSender.shown(response.body))
        } catch {
            let isRefused = error.kind == .invalidRequest || error.kind == .addressDenied
            return WebhookSender.answer(isRefused ? "refused" : "unreached", text: "\(error.kind.rawValue): \(error.detail)")
        }
    }

    /// Whole seconds; nil when none are asked for.
    static func retryAfter(_ response: HTTPResponse) -> Int? {
        guard let text = response.header("retry-after"), (1...9).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let seconds = Int(text)
        else { return nil }
        return min(seconds, retryAfterSecondsMax)
    }

    /// The beginning on one line.
    static func shown(_ body: [UInt8]) -> String {
        var out = ""
        for scalar in String(decoding: body.prefix(shownBytesMax), as: UTF8.self).unicodeScalars
        where out.utf8.count < shownBytesMax {
            out.unicodeScalars.append(scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? " " : scalar)
        }
        return out
    }

    private static func answer(_ outcome: String, status: Int? = nil, retryAfter: Int? = nil, text: String) -> JSONValue {
        .object([
            "outcome": .string(outcome), "status": status.map { JSONValue($0) },
            "retryAfterSeconds": retryAfter.map { JSONValue($0) }, "answer": .string(text),
        ])
    }
}
