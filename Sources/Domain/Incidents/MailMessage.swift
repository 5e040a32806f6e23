package import Kernel

/// A mail with words and perhaps one file, as a mail server takes it: short lines, everything beyond ASCII encoded.
package struct MailMessage: Sendable {
    package struct Attachment: Sendable {
        package let name: String
        package let type: String
        package let bytes: [UInt8]

        /// `name` is a file name of ASCII letters, digits, points and hyphens.
        package init(name: String, type: String, bytes: [UInt8]) {
            self.name = name
            self.type = type
            self.bytes = bytes
        }
    }

    /// Who a mail says it is from.
    package struct Sender: Sendable {
        /// Stands before the address; empty for none.
        package let name: String
        package let address: String
        /// Where answers go; empty for the sender itself.
        package let replyTo: String

        package init(name: String = "", address: String, replyTo: String = "") {
            self.name = name
            self.address = address
            self.replyTo = replyTo
        }

        /// A name with more than letters, digits and blanks is quoted or encoded, so that it can hold no address of its own.
        var header: String {
            let name = String(name.map { $0.isNewline ? " " : $0 })
            if name.isEmpty { return "From: <\(address)>" }
            let isPrintable = name.utf8.allSatisfy { (0x20...0x7E).contains($0) }
            let isPlain = isPrintable && name.allSatisfy { $0.isLetter || $0.isNumber || $0 == " " }
            let quoted = name.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
            return "From: \(isPlain ? name : isPrintable ? "\"\(quoted)\"" : PageMessage.encodedWords(name)) <\(address)>"
        }
    }

    private let id: String
    private let sender: Sender
    private let address: String
    private let subject: String
    private let text: String
    private let html: String
    private let stop: String
    private let attachment: Attachment?

    /// `html` says the same as `text` for programs that show it; empty for none. `stop` is the address at which one post says
    /// that it is enough (RFC 8058); empty for mails that nobody has subscribed to.
    package init(
        id: String, from sender: Sender, to address: String, subject: String, text: String, html: String = "",
        stop: String = "", attachment: Attachment? = nil
    ) {
        self.id = id
        self.sender = sender
        self.address = address
        self.subject = subject
        self.text = text
        self.html = html
        self.stop = stop
        self.attachment = attachment
    }

    package func bytes(at now: Moment) -> [UInt8] {
        var lines = [
            "Date: \(PageMessage.mailDate(now))", sender.header, "To: <\(address)>",
            "Subject: \(PageMessage.encodedWords(subject))",
            "Message-ID: <\(id)@\(sender.address.split(separator: "@").last ?? "")>", "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ]
        if !sender.replyTo.isEmpty { lines.append("Reply-To: <\(sender.replyTo)>") }
        // An address of ours has neither blanks nor angle brackets; another one is left out.
        if !stop.isEmpty, stop.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3C && $0 != 0x3E }) {
            lines += ["List-Unsubscribe: <\(stop)>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]
        }
        let words = html.isEmpty ? MailMessage.part("plain", text) : both()
        guard let attachment else { return MailMessage.joined(lines + words) }
        // No line of base64 begins with a hyphen, so this can be no line of a part.
        let edge = "--\(id)-part"
        lines += ["Content-Type: multipart/mixed; boundary=\"\(id)-part\"", "", edge] + words
        lines += [
            edge, "Content-Type: \(attachment.type)", "Content-Transfer-Encoding: base64",
            "Content-Disposition: attachment; filename=\"\(attachment.name)\"", "",
        ]
        lines += MailMessage.folded(attachment.bytes) + [edge + "--"]
        return MailMessage.joined(lines)
    }

    private static func part(_ kind: String, _ text: String) -> [String] {
        ["Content-Type: text/\(kind); charset=utf-8", "Content-Transfer-Encoding: base64", ""]
            + folded(Array(text.replacingLineEnds().utf8))
    }

    /// Text and HTML of which a program shows one; the last is the better.
    private func both() -> [String] {
        let edge = "--\(id)-both"
        return ["Content-Type: multipart/alternative; boundary=\"\(id)-both\"", "", edge] + MailMessage.part("plain", text)
            + [edge] + MailMessage.part("html", html) + [edge + "--"]
    }

    private static func joined(_ lines: [String]) -> [UInt8] { Array(lines.joined(separator: "\r\n").utf8) + [13, 10] }

    /// RFC 2045: lines of 76 characters.
    private static func folded(_ bytes: [UInt8]) -> [String] {
        var lines: [String] = []
        var rest = Array(Base64.encode(bytes).utf8)[...]
        while !rest.isEmpty {
            lines.append(String(decoding: rest.prefix(76), as: UTF8.self))
            rest = rest.dropFirst(76)
        }
        return lines
    }
}
