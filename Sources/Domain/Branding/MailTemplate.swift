internal import Kernel

/// Languages that texts and mails of a brand are written in.
package enum BrandLanguage: String, CaseIterable, Hashable, Sendable {
    case en, de, fr

    /// Of a tag such as `de-DE`; English where nobody wrote another.
    package init(tag: String) {
        self = BrandLanguage(rawValue: String(tag.prefix(2))) ?? .en
    }
}

/// What mails of the product are about. Each kind has variables of its own, and nothing else can stand in its text.
package enum MailKind: String, CaseIterable, Hashable, Sendable {
    case decisionAsked, signInLink, incidentUpdate, reportReady

    /// `decision-asked`, as files name it.
    package var name: String {
        switch self {
        case .decisionAsked: "decision-asked"
        case .signInLink: "sign-in-link"
        case .incidentUpdate: "incident-update"
        case .reportReady: "report-ready"
        }
    }

    package init?(name: String) {
        guard let found = MailKind.allCases.first(where: { sameBytes($0.name, name) }) else { return nil }
        self = found
    }

    /// The names that stand between `{{` and `}}`.
    package var variables: [String] {
        let own =
            switch self {
            case .decisionAsked: ["act", "amount", "party", "due"]
            case .signInLink: ["person", "until"]
            case .incidentUpdate: ["title", "state", "at"]
            case .reportReady: ["period", "tenant"]
            }
        return own + ["brand", "link"]
    }
}

/// Text with named variables between double braces. There are no conditions, no loops and no expressions, so a template
/// can only say what its writer sees.
package struct MailTemplate: Hashable, Sendable {
    package static let subjectScalarsMax = 150
    package static let bodyScalarsMax = 4000

    package enum Piece: Hashable, Sendable {
        case text(String)
        case variable(String)
    }

    package struct Flaw: Error, Hashable, Sendable {
        /// `subject` or `body`.
        package let part: String
        package let message: String
        package let remedy: String
    }

    package let kind: MailKind
    package let subject: [Piece]
    /// Paragraphs; one that is `{{link}}` alone becomes the button.
    package let body: [[Piece]]

    package init(_ kind: MailKind, subject: String, body: String) throws(Flaw) {
        self.kind = kind
        try MailTemplate.check(subject, "subject", scalarsMax: MailTemplate.subjectScalarsMax, mayBreak: false)
        try MailTemplate.check(body, "body", scalarsMax: MailTemplate.bodyScalarsMax, mayBreak: true)
        self.subject = try MailTemplate.pieces(subject, "subject", kind)
        var paragraphs: [[Piece]] = []
        for paragraph in MailTemplate.paragraphs(body) { paragraphs.append(try MailTemplate.pieces(paragraph, "body", kind)) }
        self.body = paragraphs
        guard paragraphs.contains(where: { $0.contains(.variable("link")) }) else {
            throw Flaw(part: "body", message: "The text never says where to go.", remedy: "Put {{link}} into it.")
        }
        if self.subject.contains(.variable("link")) {
            throw Flaw(part: "subject", message: "An address stands in the subject.", remedy: "Put {{link}} into the text.")
        }
    }

    private static func check(_ text: String, _ part: String, scalarsMax: Int, mayBreak: Bool) throws(Flaw) {
        guard (1...scalarsMax).contains(text.unicodeScalars.count) else {
            throw Flaw(part: part, message: "It has no text, or too much.", remedy: "Write 1 to \(scalarsMax) characters.")
        }
        let isControl = text.unicodeScalars.contains { scalar in
            if scalar == "\n" { return !mayBreak }
            return scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || (0x202A...0x202E).contains(scalar.value)
                || (0x2066...0x2069).contains(scalar.value) || (0x2028...0x2029).contains(scalar.value)
        }
        if isControl {
            throw Flaw(
                part: part, message: "It holds a line break or another control character where none may be.",
                remedy: "Write it without.")
        }
    }

    private static func paragraphs(_ body: String) -> [String] {
        var (out, open): ([String], [Substring]) = ([], [])
        for line in body.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.allSatisfy({ $0 == " " }) {
                if !open.isEmpty { out.append(open.joined(separator: "\n")) }
                open = []
            } else {
                open.append(line)
            }
        }
        return open.isEmpty ? out : out + [open.joined(separator: "\n")]
    }

    private static func pieces(_ text: String, _ part: String, _ kind: MailKind) throws(Flaw) -> [Piece] {
        var (out, rest): ([Piece], Substring) = ([], Substring(text))
        while let open = rest.firstRange(of: "{{") {
            if open.lowerBound > rest.startIndex { out.append(.text(String(rest[..<open.lowerBound]))) }
            rest = rest[open.upperBound...]
            guard let close = rest.firstRange(of: "}}") else {
                throw Flaw(part: part, message: "`{{` is never closed.", remedy: "Close it with `}}`.")
            }
            let name = String(rest[..<close.lowerBound])
            guard kind.variables.contains(where: { sameBytes($0, name) }) else {
                let near = nearestName(to: name, among: kind.variables)
                throw Flaw(
                    part: part, message: "`{{\(name.prefix(40))}}` is no variable of this mail.",
                    remedy: near.map { "Did you mean {{\($0)}}?" }
                        ?? "Its variables are \(kind.variables.map { "{{\($0)}}" }.joined(separator: ", ")).")
            }
            out.append(.variable(name))
            rest = rest[close.upperBound...]
        }
        if rest.contains("}}") { throw Flaw(part: part, message: "`}}` closes nothing.", remedy: "Remove it.") }
        return rest.isEmpty ? out : out + [.text(String(rest))]
    }

    /// What the product says where a brand says nothing.
    package static func standard(_ kind: MailKind, _ language: BrandLanguage) -> MailTemplate {
        let (subject, body) = StandardMails.text(kind, language)
        do {
            return try MailTemplate(kind, subject: subject, body: body)
        } catch {
            preconditionFailure("the standard mail \(kind.name) in \(language.rawValue): \(error.message)")
        }
    }
}

/// What a mail wears, taken from a resolved brand.
package struct MailLook: Sendable {
    package let brand: String
    package let primary: HexColor
    package let onPrimary: HexColor
    package let accent: HexColor
    package let link: HexColor
    package let text: HexColor
    package let quiet: HexColor
    /// Whole addresses; empty for none.
    package let logo: String
    package let footer: [String]

    package init(theme: BrandTheme, brand: String, logo: String, footer: [String]) {
        self.brand = brand
        self.logo = logo
        self.footer = footer.filter { !$0.isEmpty }
        (primary, onPrimary) = (theme.light[.primary], theme.light[.onPrimary])
        (accent, link, text, quiet) = (theme.light[.accent], theme.light[.link], theme.light[.text], theme.light[.text2])
    }
}

/// A mail with both its parts.
package struct RenderedMail: Hashable, Sendable {
    package let subject: String
    package let text: String
    package let html: String
}

extension MailTemplate {
    /// Fills the variables. Values are escaped where they land: one line in the subject, text in both parts. A variable without
    /// a value stays empty; `link` has to be an https address, or http on a loopback address.
    package func rendered(_ values: [String: String], look: MailLook, button: String, language: BrandLanguage) -> RenderedMail {
        func plain(_ pieces: [Piece]) -> String {
            pieces.map { piece in
                switch piece {
                case .text(let text): text
                case .variable(let name): (name == "brand" ? look.brand : values[name] ?? "").filter { !$0.isNewline }
                }
            }.joined()
        }
        let link = MailTemplate.safe(link: values["link"] ?? "")
        var html = ""
        for paragraph in body {
            if paragraph == [.variable("link")] {
                html +=
                    "<p style=\"margin:20px 0\"><a href=\"\(MailTemplate.escaped(link))\" style=\"display:inline-block;"
                    + "padding:10px 16px;border-radius:6px;background:\(look.primary);color:\(look.onPrimary);"
                    + "text-decoration:none;font-weight:600\">\(MailTemplate.escaped(button))</a></p>\n"
            } else {
                let lines = MailTemplate.escaped(plain(paragraph)).split(separator: "\n", omittingEmptySubsequences: false)
                html += "<p style=\"margin:12px 0\">\(lines.joined(separator: "<br>"))</p>\n"
            }
        }
        let text =
            body.map { $0 == [.variable("link")] ? link : plain($0) }
            + (look.footer.isEmpty ? [] : ["-- \n" + look.footer.joined(separator: "\n")])
        return RenderedMail(
            subject: String(plain(subject).filter { !$0.isNewline }), text: text.joined(separator: "\n\n") + "\n",
            html: MailTemplate.page(html, plain(subject), look, language))
    }

    static func page(_ body: String, _ subject: String, _ look: MailLook, _ language: BrandLanguage) -> String {
        let head =
            look.logo.isEmpty
            ? "<strong style=\"font-size:18px\">\(escaped(look.brand))</strong>"
            : "<img src=\"\(escaped(look.logo))\" alt=\"\(escaped(look.brand))\" height=\"32\" style=\"height:32px;border:0\">"
        let foot = look.footer.map { "<p style=\"margin:4px 0\">\(escaped($0))</p>" }.joined()
        return """
            <!doctype html>
            <html lang="\(language.rawValue)"><head><meta charset="utf-8"><title>\(escaped(subject))</title></head>
            <body style="margin:0;background:#ffffff;color:\(look.text);font:15px/23px Arial,Helvetica,sans-serif">
            <div style="max-width:560px;margin:0 auto;padding:24px 16px;border-top:3px solid \(look.accent)">
            <p style="margin:0 0 20px">\(head)</p>
            \(body)<div style="margin-top:24px;padding-top:12px;border-top:1px solid #dcdcdc;color:\(look.quiet);\
            font-size:12px;line-height:18px">\(foot)</div>
            </div></body></html>

            """
    }

    /// Empty for an address that a mail must not lead to.
    static func safe(link: String) -> String {
        let isHome = ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains { link.hasPrefix($0) }
        let isPlain = link.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && ![0x22, 0x3C, 0x3E, 0x5C].contains($0) }
        return isPlain && (link.hasPrefix("https://") || isHome) ? link : ""
    }

    static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
