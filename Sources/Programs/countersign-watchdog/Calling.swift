import Curl
import Incidents
import Kernel
import Logging

/// Tells people, by all channels at once: one that stalls holds up no other.
struct Calling: Sendable {
    static let connectMilliseconds = 4_000
    static let totalMilliseconds = 10_000
    static let answerBytesMax = 65_536

    let settings: WatchSettings
    let client: CurlClient
    let logger: Logger

    /// Whether at least one channel has taken the message.
    func tell(_ message: PlatformWatch.Message, at now: Moment) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            for (number, channel) in settings.channels.enumerated() {
                group.addTask { await send(message, by: channel, number: number, at: now) }
            }
            return await group.reduce(false) { $0 || $1 }
        }
    }

    private func send(
        _ message: PlatformWatch.Message, by channel: WatchSettings.Channel, number: Int, at now: Moment
    ) async -> Bool {
        let request: HTTPRequest
        let id = "watchdog-\(message.since.microseconds)-\(message.kind.rawValue)-\(now.microseconds)-\(number)"
        switch channel {
        case .mail(let server, let from, let to, let user, let password, let isEncrypted):
            let body = PageMessage.mail(
                id: id, subject: message.title(site: settings.site), text: message.body(site: settings.site, at: now), from: from,
                to: to, at: now)
            request = make(
                .post, server, body: body,
                envelope: MailEnvelope(from: from, to: to, user: user, password: password, isEncrypted: isEncrypted))
        case .webhook(let url, let bearer):
            let headers =
                [HTTPHeader("Content-Type", "application/cloudevents+json")]
                + (bearer.map { [HTTPHeader("Authorization", "Bearer \($0)")] } ?? [])
            request = make(.post, url, headers: headers, body: event(message, id: id, at: now).bytes)
        }
        do throws(CurlFailure) {
            let response = try await client.perform(request)
            let isTaken = (200..<300).contains(response.status)
            logger.notice(
                "called", metadata: ["channel": "\(number)", "status": "\(response.status)", "subject": "\(message.subject)"])
            return isTaken
        } catch {
            logger.error(
                "could not call", metadata: ["channel": "\(number)", "error": "\(error.kind.rawValue): \(error.detail)"])
            return false
        }
    }

    /// Calls the address that expects to be called. Its silence is another's alarm, so a failure is only logged.
    func signOfLife(_ url: String) async {
        do throws(CurlFailure) {
            _ = try await client.perform(make(.get, url))
        } catch {
            logger.warning("own sign of life not sent", metadata: ["error": "\(error.kind.rawValue): \(error.detail)"])
        }
    }

    func make(
        _ method: HTTPMethod, _ url: String, headers: [HTTPHeader] = [], body: [UInt8]? = nil, envelope: MailEnvelope? = nil
    ) -> HTTPRequest {
        HTTPRequest(
            method, url, headers: headers, body: body, connectTimeoutMilliseconds: Calling.connectMilliseconds,
            totalTimeoutMilliseconds: Calling.totalMilliseconds, maxBodyBytes: Calling.answerBytesMax,
            egress: settings.egress(for: url), envelope: envelope)
    }

    private func event(_ message: PlatformWatch.Message, id: String, at now: Moment) -> JSONValue {
        [
            "specversion": "1.0", "id": .string(id), "source": "countersign-watchdog",
            "type": .string("platform.\(message.kind.rawValue)"), "time": .string(now.text(fraction: 3)),
            "datacontenttype": "application/json",
            "data": [
                "site": .string(settings.site), "subject": .string(message.subject), "text": .string(message.text),
                "since": .string(message.since.text(fraction: 0)), "title": .string(message.title(site: settings.site)),
            ],
        ]
    }
}
