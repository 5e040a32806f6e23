package import Kernel

/// What a page says, for somebody who was asleep a minute ago; one text and its form for each channel.
package struct PageMessage: Sendable, Equatable {
    package enum Kind: Sendable, Equatable { case page, notice, answered, over, test }

    package let kind: Kind
    /// The page's id: repetitions of one page are one message, which mail programs and event services recognise.
    package let id: String
    package let tenant: String
    /// `INC-12`; empty for a test.
    package let number: String
    /// For commands; empty for a test.
    package let incident: String
    package let alert: String
    package let fingerprint: String
    package let title: String
    package let severity: Severity
    package let openedAt: Moment
    package let decidedAt: Moment
    package let layer: String
    package let reason: String
    package let person: String

    package init(
        kind: Kind, id: String, tenant: String, number: String, incident: String, alert: String, fingerprint: String,
        title: String, severity: Severity, openedAt: Moment, decidedAt: Moment, layer: String, reason: String, person: String
    ) {
        self.kind = kind
        self.id = id
        self.tenant = tenant
        self.number = number
        self.incident = incident
        self.alert = alert
        self.fingerprint = fingerprint
        self.title = title
        self.severity = severity
        self.openedAt = openedAt
        self.decidedAt = decidedAt
        self.layer = layer
        self.reason = reason
        self.person = person
    }

    package var subject: String {
        kind == .test
            ? "Test page: nothing is wrong" : "[\(severity.rawValue)] \(number) \(tenant): \(title)"
    }

    package var text: String {
        if kind == .test {
            return "This is a test page for \(person), asked for at \(decidedAt.text(fraction: 0)). Nothing is wrong.\n"
        }
        var lines = [
            "\(title)", "", "Tenant     \(tenant)", "Incident   \(number), \(severity.rawValue)",
            "Since      \(openedAt.text(fraction: 0))",
            "You are    \(layer), and are told at \(decidedAt.text(fraction: 0)) because \(reason).", "",
        ]
        lines.append(
            kind == .notice
                ? "It can wait; nobody else is told. Runbook: \(alert)."
                : "Take it on:  countersign acknowledge incident \(incident)\nRunbook:     \(alert)")
        return lines.joined(separator: "\n") + "\n"
    }

    /// The message with its headers as a mail server takes it: lines of at most 76 characters, everything beyond ASCII encoded.
    package func mail(from sender: String, to address: String, at now: Moment) -> [UInt8] {
        PageMessage.mail(id: "page-\(id)", subject: subject, text: text, from: sender, to: address, at: now)
    }

    /// Any text as a mail of ours; `id` is what repetitions are recognised by.
    package static func mail(
        id: String, subject: String, text: String, from sender: String, to address: String, at now: Moment
    ) -> [UInt8] {
        let lines = [
            "Date: \(PageMessage.mailDate(now))", "From: Countersign <\(sender)>", "To: <\(address)>",
            "Subject: \(PageMessage.encodedWords(subject))",
            "Message-ID: <\(id)@\(sender.split(separator: "@").last ?? "")>",
            "Auto-Submitted: auto-generated", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64", "",
        ]
        let body = Base64.encode(Array(text.replacingLineEnds().utf8))
        var out = Array(lines.joined(separator: "\r\n").utf8) + [13, 10]
        var rest = Array(body.utf8)[...]
        while !rest.isEmpty {
            out += rest.prefix(76) + [13, 10]
            rest = rest.dropFirst(76)
        }
        return out
    }

    /// A CloudEvent; receivers check its signature.
    package func event() -> JSONValue {
        [
            "specversion": "1.0", "id": .string(id), "source": .string("countersign/\(tenant)"),
            "type": .string("incident.\(word)"), "time": .string(decidedAt.text(fraction: 3)),
            "datacontenttype": "application/json",
            "data": [
                "tenant": .string(tenant), "incident": .string(incident), "number": .string(number), "title": .string(title),
                "severity": .string(severity.rawValue), "alert": .string(alert), "openedAt": JSONValue(openedAt),
                "layer": .string(layer), "reason": .string(reason), "person": .string(person),
            ],
        ]
    }

    package func chat() -> JSONValue { ["text": .string("\(subject) (for \(person), \(layer))")] }

    /// The form of PagerDuty's Events API v2: one key an incident, so that all its pages are one there too.
    package func serviceEvent(routingKey: String) -> JSONValue {
        let action: String =
            switch kind {
            case .page, .notice, .test: "trigger"
            case .answered: "acknowledge"
            case .over: "resolve"
            }
        var object: JSONObject = [
            "routing_key": .string(routingKey), "event_action": .string(action),
            "dedup_key": .string(cut(kind == .test ? "test-\(id)" : "\(tenant)/\(incident)", 255)), "client": "Countersign",
        ]
        if action == "trigger" {
            let level: String =
                switch severity {
                case .sev1: "critical"
                case .sev2: "error"
                case .sev3: "warning"
                case .sev4: "info"
                }
            object["payload"] = [
                "summary": .string(cut(subject, 1024)), "source": .string(tenant),
                "severity": .string(kind == .test ? "info" : level), "timestamp": .string(openedAt.text(fraction: 3)),
                "component": .string(alert), "group": .string(tenant), "class": .string(alert),
                "custom_details": ["layer": .string(layer), "reason": .string(reason), "number": .string(number)],
            ]
        }
        return .object(object)
    }

    private var word: String {
        switch kind {
        case .page: "paged"
        case .notice: "noticed"
        case .answered: "acknowledged"
        case .over: "resolved"
        case .test: "tested"
        }
    }

    /// RFC 5322: `Mon, 05 Jan 2026 09:00:00 +0000`.
    static func mailDate(_ moment: Moment) -> String {
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let date = CivilDate(utc: moment)
        let text = moment.text(fraction: 0)
        let time = text.dropFirst(11).prefix(8)
        return
            "\(days[date.weekday - 1]), \(date.description.suffix(2)) \(months[Int(date.month) - 1]) \(date.year) \(time) +0000"
    }

    /// RFC 2047: a line of ASCII as it is, anything else in encoded words that never cut a character; no line end survives.
    static func encodedWords(_ text: String) -> String {
        let line = String(text.map { $0.isNewline ? " " : $0 })
        if line.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), line.utf8.count <= 200 { return line }
        var words: [String] = []
        var piece: [UInt8] = []
        for character in line {
            let bytes = Array(String(character).utf8)
            // An encoded word has at most 75 characters, 12 of them its frame, so 45 bytes of text.
            if piece.count + bytes.count > 45, !piece.isEmpty {
                words.append("=?utf-8?B?\(Base64.encode(piece))?=")
                piece = []
            }
            piece += bytes.prefix(45)
        }
        if !piece.isEmpty { words.append("=?utf-8?B?\(Base64.encode(piece))?=") }
        return words.joined(separator: "\r\n ")
    }
}

extension String {
    /// Mail ends its lines with CR LF, whatever else does.
    func replacingLineEnds() -> String {
        String(flatMap { $0.isNewline ? Array("\r\n") : [$0] })
    }
}
