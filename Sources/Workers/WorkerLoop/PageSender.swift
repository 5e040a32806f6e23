import Curl
import Kernel

/// Sends one page and says whether the other side took it: `{outcome: accepted|refused|unreached, answer}`.
///
/// `refused` will not change by trying again: a bounce, a wrong key. Anything else that is no acceptance is `unreached`.
/// What is answered is a status or a reply line, never a body or a header of ours, so it may be kept and shown.
struct PageSender {
    static let connectMilliseconds = 4_000
    /// Below the ten seconds that a question is waited for.
    static let totalMilliseconds = 8_500
    static let answerBytesMax = 65_536

    let client: CurlClient

    func mail(_ input: JSONValue, password: String?) async -> JSONValue {
        guard let server = input["server"]?.string, let from = input["from"]?.string, let to = input["to"]?.string,
            let message = input["message"]?.string.flatMap({ Base64.decode($0) }), let isEncrypted = input["encrypted"]?.bool
        else { return PageSender.answer("refused", "the mail is incomplete") }
        let envelope = MailEnvelope(
            from: from, to: to, user: input["user"]?.string, password: password, isEncrypted: isEncrypted)
        return await send(
            HTTPRequest(
                .post, server, body: message, connectTimeoutMilliseconds: PageSender.connectMilliseconds,
                totalTimeoutMilliseconds: PageSender.totalMilliseconds, maxBodyBytes: PageSender.answerBytesMax,
                egress: PageSender.egress(input), envelope: envelope)
        ) { response in
            let reply = String(decoding: response.body.prefix(200), as: UTF8.self)
            switch response.status {
            case 200..<400: return PageSender.answer("accepted", reply)
            case 500...: return PageSender.answer("refused", reply)
            default: return PageSender.answer("unreached", reply)
            }
        }
    }

    func hook(_ input: JSONValue) async -> JSONValue {
        guard let url = input["url"]?.string, let body = input["body"] else {
            return PageSender.answer("refused", "the event is incomplete")
        }
        let headers = (input["headers"]?.array ?? []).compactMap { pair -> HTTPHeader? in
            guard let name = pair[0]?.string, let value = pair[1]?.string else { return nil }
            return HTTPHeader(name, value)
        }
        return await send(
            HTTPRequest(
                .post, url, headers: headers, body: body.bytes, connectTimeoutMilliseconds: PageSender.connectMilliseconds,
                totalTimeoutMilliseconds: PageSender.totalMilliseconds, maxBodyBytes: PageSender.answerBytesMax,
                egress: PageSender.egress(input))
        ) { response in
            switch response.status {
            case 200..<300: return PageSender.answer("accepted", "status \(response.status)")
            case 408, 425, 429, 500...: return PageSender.answer("unreached", "status \(response.status)")
            default: return PageSender.answer("refused", "status \(response.status)")
            }
        }
    }

    private func send(_ request: HTTPRequest, _ judge: (HTTPResponse) -> JSONValue) async -> JSONValue {
        do throws(CurlFailure) {
            return judge(try await client.perform(request))
        } catch {
            let isHopeless = error.kind == .invalidRequest || error.kind == .addressDenied
            return PageSender.answer(isHopeless ? "refused" : "unreached", "\(error.kind.rawValue): \(error.detail)")
        }
    }

    private static func egress(_ input: JSONValue) -> EgressPolicy {
        EgressPolicy(entries: (input["allow"]?.array ?? []).compactMap { $0.string.flatMap { EgressPolicy.Entry($0) } })
    }

    private static func answer(_ outcome: String, _ text: String) -> JSONValue {
        ["outcome": .string(outcome), "answer": .string(text)]
    }
}
