/// HTML that is safe to send: text that was escaped here, or tags that this module wrote.
///
/// Escaping is decided by type and not by the template: a `String` in a model is escaped when it meets a template and a `Markup`
/// is not, so no template can forget.
package struct Markup: Hashable, Sendable {
    package private(set) var html: String

    /// Escapes text for element content and quoted attributes.
    package init(text: String) {
        html = Markup.escaped(text)
    }

    /// Tags written by this module; whatever came from outside must already have gone through `init(text:)`.
    init(written html: String) {
        self.html = html
    }

    package static let empty = Markup(written: "")

    package var isEmpty: Bool { html.isEmpty }

    static func += (lhs: inout Markup, rhs: Markup) { lhs.html += rhs.html }

    /// Escapes byte by byte.
    ///
    /// Not by `Character`: a quote followed by a combining accent is one character that equals no quote, and would slip through.
    /// Control characters that HTML does not allow become U+FFFD.
    static func escaped(_ text: String) -> String {
        let needs = text.utf8.contains { byte in
            byte == 0x26 || byte == 0x3C || byte == 0x3E || byte == 0x22 || byte == 0x27
                || (byte < 0x20 && byte != 0x0A && byte != 0x09)
        }
        guard needs else { return text }
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count + 32)
        for byte in text.utf8 {
            switch byte {
            case 0x26: out.append(contentsOf: "&amp;".utf8)
            case 0x3C: out.append(contentsOf: "&lt;".utf8)
            case 0x3E: out.append(contentsOf: "&gt;".utf8)
            case 0x22: out.append(contentsOf: "&quot;".utf8)
            case 0x27: out.append(contentsOf: "&#39;".utf8)
            case 0x09, 0x0A: out.append(byte)
            case 0..<0x20: out.append(contentsOf: "\u{FFFD}".utf8)
            default: out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
