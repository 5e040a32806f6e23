internal import Kernel

/// A way by which a page reaches a person. Only what exists stands here, so a rota cannot name one that would swallow pages.
package enum PageChannel: String, CaseIterable, Sendable, Hashable {
    /// Shown to them in the console, in the live feed and on the incident.
    case console
    /// A mail to the person's address, by the operator's mail server.
    case mail
    /// A signed event to an address of the operator's.
    case webhook
    /// A line in a chat room that takes messages at an address.
    case chat
    /// An event in the form of PagerDuty's Events API v2.
    case pagerduty
}

/// Where the channels of a rota lead; sent by the platform worker and never by the server.
package struct ChannelSettings: Sendable, Hashable {
    /// A mail server that takes messages from us.
    package struct Mail: Sendable, Hashable {
        /// `smtp://host:port` or `smtps://host:port`.
        package let server: String
        package let from: String
        /// Nil: the server asks for no name.
        package let user: String?
        /// Name of a secret of the operator's, never its value.
        package let secret: String?
        /// False only for a server that is named in `allow`.
        package let isEncrypted: Bool
        package let allow: [String]
    }

    /// An address that takes events by HTTP.
    package struct Hook: Sendable, Hashable {
        package let url: String
        package let secret: String?
        package let allow: [String]
    }

    package static let allowMax = 4

    package let mail: Mail?
    package let hooks: [PageChannel: Hook]

    /// Nobody is reached by other ways than the console.
    package static let none = ChannelSettings(mail: nil, hooks: [:])

    package init(mail: Mail?, hooks: [PageChannel: Hook]) {
        self.mail = mail
        self.hooks = hooks
    }

    /// Ports that the platform worker dials for them.
    package var places: [String] {
        (mail.map { [$0.server] + $0.allow } ?? []) + hooks.values.flatMap { [$0.url] + $0.allow }
    }

    static let members: [ObjectShape.Member] = [
        optional(
            "mail",
            .object(
                ObjectShape(
                    "the mail server", "How pages are mailed.",
                    [
                        required("server", .text(.mailServer), "smtp://host:port, or smtps://host:port for TLS from the start."),
                        required("from", .text(.email), "the sender's address."),
                        optional("user", .text(.line), "the name to sign in with; needs `secret`."),
                        optional("secret", .text(.slug), "name of the operator's secret with the password; never its value."),
                        optional("tls", .choice(["required", "none"]), "required unless given; none needs an entry in `allow`."),
                        allowMember,
                    ])), "how pages are mailed."),
        optional("webhook", .object(hook("the webhook", secret: "whsec_…, with which events are signed")), "a signed event."),
        optional("chat", .object(hook("the chat room", secret: "the address, when it is itself a secret")), "a line in a room."),
        optional("pagerduty", .object(hook("the event service", secret: "the routing key")), "an event of trigger and resolve."),
    ]

    private static let allowMember = optional(
        "allow", .list(of: .text(.egress), count: 1...allowMax),
        "what the worker may dial besides public https on ports 443 and 8443: host:port/range.")

    private static func hook(_ title: String, secret: String) -> ObjectShape {
        ObjectShape(
            title, "An address that takes events by HTTP.",
            [
                required("url", .text(.baseURL), "the address."),
                optional("secret", .text(.slug), "name of the operator's secret: \(secret); never its value."), allowMember,
            ])
    }

    /// What is written about the channels named; a channel without its settings is an issue.
    static func parse(_ json: JSONValue, channels: [PageChannel], issues: inout [AssetIssue]) -> ChannelSettings {
        var hooks: [PageChannel: Hook] = [:]
        for channel in PageChannel.allCases where channel != .console {
            guard let own = json[channel.rawValue] else {
                if let place = channels.firstIndex(of: channel) {
                    issues.append(
                        AssetIssue(
                            "/channels/\(place)", "Nothing says how to reach people by \(channel.rawValue).",
                            remedy: "Add a member `\(channel.rawValue)`, or leave the channel out."))
                }
                continue
            }
            let fields = Fields(own)
            if channel == .mail { continue }
            let hook = Hook(url: fields.text("url"), secret: fields.textIfAny("secret"), allow: fields.texts("allow"))
            if hook.secret == nil, channel != .chat {
                issues.append(
                    AssetIssue(
                        "/\(channel.rawValue)", "\(channel.rawValue) needs a secret.",
                        remedy: "Add `secret: <name>` and store its value with `countersignd secret`."))
            }
            if hook.url.hasPrefix("http://"), hook.allow.isEmpty {
                issues.append(
                    AssetIssue(
                        "/\(channel.rawValue)/url", "Plain http is not allowed by an entry here.",
                        remedy: "Use https, or add the place with its address range to `allow`."))
            }
            hooks[channel] = hook
        }
        return ChannelSettings(mail: mail(json["mail"], issues: &issues), hooks: hooks)
    }

    private static func mail(_ json: JSONValue?, issues: inout [AssetIssue]) -> Mail? {
        guard let json else { return nil }
        let fields = Fields(json)
        let isEncrypted = fields.textIfAny("tls") != "none"
        let allow = fields.texts("allow")
        if !isEncrypted, allow.isEmpty {
            issues.append(
                AssetIssue(
                    "/mail/tls", "Mail without TLS is not allowed by an entry here.",
                    remedy: "Leave `tls` out, or add the server with its address range to `allow`."))
        }
        if (fields.textIfAny("user") == nil) != (fields.textIfAny("secret") == nil) {
            issues.append(
                AssetIssue("/mail", "A name and a password go together.", remedy: "Give both `user` and `secret`, or neither."))
        }
        return Mail(
            server: fields.text("server"), from: fields.text("from"), user: fields.textIfAny("user"),
            secret: fields.textIfAny("secret"), isEncrypted: isEncrypted, allow: allow)
    }
}

extension TextRule {
    /// A mail server with its port: a plain host, nothing after it.
    package static let mailServer = TextRule(
        "a mail server", pattern: "^smtps?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?:[1-9][0-9]{0,4}$", length: 9...300,
        remedy: "Write scheme, host and port, such as smtps://mail.example.com:465."
    ) { text in
        let scheme = text.hasPrefix("smtps://") ? "smtps://" : "smtp://"
        guard text.hasPrefix(scheme) else { return false }
        return TextRule.isPlace(text.dropFirst(scheme.count), portRequired: true)
    }
}
