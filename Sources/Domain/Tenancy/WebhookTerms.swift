package import Kernel

/// An address to which a tenant wants its events sent, as it is asked for.
package struct WebhookDraft: Sendable, Equatable {
    package static let nameCharactersMax = 80
    package static let urlBytesMax = 1000
    /// Endpoints of one tenant that are not removed.
    package static let endpointsMax = 20

    package let name: String
    package let url: String
    package let events: [WebhookEventType]

    /// Refuses, with the field, what cannot be an endpoint. `allow` are the tenant's places that the operator approved in the
    /// configuration: plain http, ports besides 443 and 8443 and addresses in numbers need one.
    ///
    /// What a name resolves to is judged where it is dialled, at every attempt.
    package init(name: String, url: String, events: [String], allow: [String]) throws(Refusal) {
        let name = name.filter { !$0.isNewline }
        guard (1...WebhookDraft.nameCharactersMax).contains(name.count), TextRule.line.problem(with: name) == nil else {
            throw WebhookDraft.refusal("webhook.name", "name", "A name has 1 to \(WebhookDraft.nameCharactersMax) characters.")
        }
        try WebhookPlace.check(url, allow: allow)
        var types: [WebhookEventType] = []
        for word in events {
            guard let type = WebhookEventType(rawValue: word), type != .test else {
                throw WebhookDraft.refusal(
                    "webhook.events", "events",
                    "There is no event `\(word.prefix(60))`. Choose from "
                        + WebhookEventType.offered.map(\.rawValue).joined(separator: ", ") + ".")
            }
            if !types.contains(type) { types.append(type) }
        }
        guard !types.isEmpty else {
            throw WebhookDraft.refusal("webhook.events", "events", "Name at least one event.")
        }
        self.name = name
        self.url = url
        self.events = WebhookEventType.offered.filter(types.contains)
    }

    fileprivate static func refusal(_ reason: String, _ field: String, _ message: String) -> Refusal {
        Refusal(.unprocessable, reason: reason, message, facts: ["field": field])
    }
}

/// Where an event may be sent, as far as the address itself tells.
package enum WebhookPlace {
    private static let publicPorts: Set<Int> = [443, 8443]

    /// Refuses with `webhook.url` and what to write instead.
    package static func check(_ url: String, allow: [String]) throws(Refusal) {
        func refusal(_ message: String) -> Refusal { WebhookDraft.refusal("webhook.url", "url", message) }
        guard url.utf8.count <= WebhookDraft.urlBytesMax else {
            throw refusal("The address is longer than \(WebhookDraft.urlBytesMax) bytes.")
        }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw refusal("An address is of visible ASCII characters; write others with % or as punycode.")
        }
        let isEncrypted = url.hasPrefix("https://")
        guard isEncrypted || url.hasPrefix("http://") else { throw refusal("An address begins with https://.") }
        guard !url.utf8.contains(UInt8(ascii: "#")) else {
            throw refusal("An address has no fragment; leave out what follows #.")
        }
        let rest = url.dropFirst(isEncrypted ? 8 : 7)
        let place = rest.prefix { $0 != "/" && $0 != "?" }
        guard !place.utf8.contains(UInt8(ascii: "@")) else {
            throw refusal("An address has no user name or password; events are signed instead.")
        }
        guard TextRule.isPlace(place, portRequired: false) || place.hasPrefix("[") else {
            throw refusal(
                "\"\(place.prefix(60))\" is no host: lower-case letters, digits, dots and hyphens, and a port if need be.")
        }
        let full = WebhookPlace.full(place, isEncrypted: isEncrypted)
        guard !never.contains(where: { full.hasPrefix($0) }) else {
            throw refusal("\(place.prefix(60)) is where clouds keep their keys, or no address of anybody; no entry opens it.")
        }
        // An entry of the operator opens the place, whatever it is; what nothing opens is refused where it is dialled.
        if allow.contains(where: { $0 == full || $0.hasPrefix(full + "/") }) { return }
        guard isEncrypted else { throw refusal("An address begins with https://. \(entryWanted(full))") }
        let host = full.prefix(upTo: full.lastIndex(of: ":") ?? full.endIndex)
        let port = Int(full.suffix(from: full.index(after: full.lastIndex(of: ":") ?? full.startIndex))) ?? 0
        guard publicPorts.contains(port) else { throw refusal("Port \(port) is not open to everybody. \(entryWanted(full))") }
        guard !isNumber(host) else { throw refusal("An address in numbers is not open to everybody. \(entryWanted(full))") }
        guard host.contains("."), !inside.contains(where: { host == $0.dropFirst() || host.hasSuffix($0) }) else {
            throw refusal("\(host) is a name of an inner network. \(entryWanted(full))")
        }
    }

    private static func entryWanted(_ place: String) -> String {
        "Ask the operator for an entry \(place)/<range> under webhooks.allow of the tenant's file."
    }

    /// Addresses that are refused where they are dialled as well, whatever an entry says.
    private static let never = ["169.254.", "168.63.129.16:", "0.", "[fe80:", "[::]:"]

    /// Names that never mean the public internet.
    private static let inside = [".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".corp"]

    private static func full(_ place: Substring, isEncrypted: Bool) -> String {
        let hasPort = place.hasPrefix("[") ? place.contains("]:") : place.contains(":")
        return hasPort ? String(place) : "\(place):\(isEncrypted ? 443 : 80)"
    }

    /// An address in numbers in any of the ways that libraries read one: the last label is of digits, or hexadecimal.
    private static func isNumber(_ host: Substring) -> Bool {
        if host.hasPrefix("[") { return true }
        guard let last = host.split(separator: ".").last else { return true }
        return last.utf8.allSatisfy { (0x30...0x39).contains($0) } || last.hasPrefix("0x") || last.hasPrefix("0X")
    }
}

/// What one attempt to deliver an event came to.
package enum WebhookOutcome: String, Sendable, CaseIterable {
    /// Any status from 200 to 299.
    case delivered
    /// Any other status; redirects are not followed.
    case failed
    /// Status 410: nobody listens there any more.
    case gone
    /// No answer: the name, the connection, its certificate, or the time.
    case unreached
    /// The address may not be dialled.
    case refused

    package init(status: Int) {
        switch status {
        case 200..<300: self = .delivered
        case 410: self = .gone
        default: self = .failed
        }
    }
}

/// When an event that was not taken is tried again.
package enum WebhookRetry {
    /// The pauses of the example schedule of Standard Webhooks: ten attempts in 75 hours and 35 minutes.
    package static let pausesSeconds: [Int64] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    package static var attemptsMax: Int { pausesSeconds.count + 1 }
    /// A receiver may ask for a longer pause, and not for a longer one than this.
    package static let askedSecondsMax: Int64 = 86_400

    /// Seconds until the next attempt after `attempts` of them; nil when that was the last. `chance` draws the jitter of up to a
    /// tenth, so that what failed together does not come back together.
    package static func pause(after attempts: Int, askedSeconds: Int64?, chance: UInt64) -> Int64? {
        guard attempts >= 1, attempts <= pausesSeconds.count else { return nil }
        let pause = pausesSeconds[attempts - 1]
        let jittered = pause + Int64(chance % UInt64(pause / 10 + 1))
        return max(jittered, min(askedSecondsMax, askedSeconds ?? 0))
    }
}

/// How an endpoint has fared lately, and when it is turned off.
package struct WebhookHealth: Sendable, Equatable {
    /// The rule of persistent failure: nothing was taken for so long, in at least so many attempts.
    package static let failingSecondsMax: Int64 = 3 * 86_400
    package static let failuresMin: Int32 = 10

    package enum Ruling: Sendable, Equatable {
        case stays
        /// `gone` or `failing`.
        case turnsOff(because: String)
    }

    /// Since when nothing was taken; nil after a delivery.
    package private(set) var failingSince: Moment?
    /// Attempts in a row.
    package private(set) var failures: Int32

    package init(failingSince: Moment? = nil, failures: Int32 = 0) {
        self.failingSince = failingSince
        self.failures = failures
    }

    /// One more attempt has ended.
    package mutating func take(_ outcome: WebhookOutcome, at now: Moment) -> Ruling {
        switch outcome {
        case .delivered:
            self = WebhookHealth()
            return .stays
        case .gone:
            fail(at: now)
            return .turnsOff(because: "gone")
        case .failed, .unreached, .refused:
            fail(at: now)
            let isPersistent =
                failures >= WebhookHealth.failuresMin
                && now.seconds(since: failingSince ?? now) >= WebhookHealth.failingSecondsMax
            return isPersistent ? .turnsOff(because: "failing") : .stays
        }
    }

    private mutating func fail(at now: Moment) {
        if failingSince == nil { failingSince = now }
        if failures < Int32.max { failures += 1 }
    }
}
