/// Runbooks as HTML: headings, paragraphs, lists, code, emphasis, links, tables left as text.
///
/// A small dialect on purpose. Everything is escaped; links may only be `https:`, `http:` or begin with `/` or `#`; there is
/// no raw HTML and there are no pictures. Input is cut at `bytesMax`; a line beyond `lineBytesMax` is taken as plain text,
/// which bounds the search for closing marks.
package enum Markdown {
    /// Longest line in which marks are looked for, in bytes.
    static let lineBytesMax = 4096
    /// Most bytes of one text that are rendered.
    package static let bytesMax = 131_072

    /// The text's highest headings, be they `#` or `##`, become `topLevel`, so that the page's outline has no hole.
    package static func html(_ source: String, topLevel: Int = 2) -> Markup {
        let cut = source.utf8.count > bytesMax ? String(decoding: source.utf8.prefix(bytesMax), as: UTF8.self) : source
        var isCode = false
        var highest = 4
        for line in cut.split(separator: "\n") {
            if line.hasPrefix("```") { isCode.toggle() }
            if !isCode, let level = headingLevel(line) { highest = min(highest, level) }
        }
        var writer = MarkdownWriter(levelOffset: topLevel - highest)
        for line in cut.split(separator: "\n", omittingEmptySubsequences: false) {
            writer.take(line.last == "\r" ? line.dropLast() : line)
        }
        return writer.finished()
    }

    /// How many `#` a heading begins with; nil for a line that is none.
    static func headingLevel(_ line: Substring) -> Int? {
        let hashes = line.prefix { $0 == "#" }.count
        return (1...4).contains(hashes) && line.dropFirst(hashes).first == " " ? hashes : nil
    }

    /// Inline marks of one line: `code`, **strong**, *emphasis*, [text](address).
    static func inline(_ text: Substring) -> String {
        guard text.utf8.count <= lineBytesMax else { return Markup.escaped(String(text)) }
        var out = ""
        var plain = ""
        var at = text.startIndex
        func flush() {
            out += Markup.escaped(plain)
            plain = ""
        }
        while at < text.endIndex {
            let rest = text[at...]
            if rest.first == "`", let close = rest.dropFirst().firstIndex(of: "`") {
                flush()
                out += "<code>\(Markup.escaped(String(rest[rest.index(after: at)..<close])))</code>"
                at = text.index(after: close)
            } else if rest.hasPrefix("**"), let close = position(of: "**", in: rest.dropFirst(2)) {
                flush()
                out += "<strong>\(Markup.escaped(String(rest.dropFirst(2)[..<close])))</strong>"
                at = text.index(close, offsetBy: 2)
            } else if rest.first == "*", let close = rest.dropFirst().firstIndex(of: "*"), close != text.index(after: at) {
                flush()
                out += "<em>\(Markup.escaped(String(rest[rest.index(after: at)..<close])))</em>"
                at = text.index(after: close)
            } else if rest.first == "[", let link = link(rest) {
                flush()
                out += link.html
                at = link.end
            } else {
                plain.append(text[at])
                at = text.index(after: at)
            }
        }
        flush()
        return out
    }

    private static func position(of mark: String, in text: Substring) -> Substring.Index? {
        var at = text.startIndex
        while at < text.endIndex {
            if text[at...].hasPrefix(mark) { return at > text.startIndex ? at : nil }
            at = text.index(after: at)
        }
        return nil
    }

    private static func link(_ text: Substring) -> (html: String, end: Substring.Index)? {
        guard let close = text.firstIndex(of: "]"), text[close...].hasPrefix("]("),
            let end = text[close...].firstIndex(of: ")")
        else { return nil }
        let label = text[text.index(after: text.startIndex)..<close]
        let address = String(text[text.index(close, offsetBy: 2)..<end])
        let isAllowed =
            address.hasPrefix("https://") || address.hasPrefix("http://") || address.hasPrefix("#")
            || (address.hasPrefix("/") && !address.hasPrefix("//"))
        let shown = Markup.escaped(String(label))
        let html = isAllowed ? #"<a href="\#(Markup.escaped(address))" rel="noreferrer">\#(shown)</a>"# : shown
        return (html, text.index(after: end))
    }
}

/// Writes blocks line by line.
struct MarkdownWriter {
    private enum Block: Equatable { case none, paragraph, bullets, numbers, code, quote }

    private let levelOffset: Int
    private var block = Block.none
    private var isAfterBlank = false
    private var out = ""

    init(levelOffset: Int) { self.levelOffset = levelOffset }

    mutating func take(_ line: Substring) {
        if block == .code {
            if line.hasPrefix("```") { close() } else { out += Markup.escaped(String(line)) + "\n" }
            return
        }
        if line.hasPrefix("```") { return open(.code) }
        let text = line.drop { $0 == " " }
        let isIndented = line.count > text.count
        if text.isEmpty { return blank() }
        defer { isAfterBlank = false }
        if let hashes = Markdown.headingLevel(text) {
            close()
            let level = min(max(levelOffset + hashes, 2), 6)
            out += "<h\(level)>\(Markdown.inline(text.dropFirst(hashes + 1)))</h\(level)>"
            return
        }
        if text.hasPrefix("- ") || text.hasPrefix("* "), !(isIndented && block == .numbers) {
            return item(.bullets, text.dropFirst(2))
        }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        if !digits.isEmpty, digits.count <= 3, text.dropFirst(digits.count).hasPrefix(". "), !isIndented {
            return item(.numbers, text.dropFirst(digits.count + 2))
        }
        if text.hasPrefix("> ") {
            if block != .quote { open(.quote) }
            out += Markdown.inline(text.dropFirst(2)) + " "
            return
        }
        if block == .paragraph || block == .quote || ((block == .bullets || block == .numbers) && (isIndented || !isAfterBlank)) {
            let isNested = text.hasPrefix("- ") || text.hasPrefix("* ")
            out += isAfterBlank || isNested ? "<br>" : " "
            out += Markdown.inline(isNested ? text.dropFirst(2) : text)
        } else {
            open(.paragraph)
            out += Markdown.inline(text)
        }
    }

    mutating func finished() -> Markup {
        close()
        return Markup(written: out)
    }

    /// A blank line ends a paragraph; a list goes on when its next item follows.
    private mutating func blank() {
        isAfterBlank = true
        if block == .paragraph || block == .quote { close() }
    }

    private mutating func item(_ kind: Block, _ text: Substring) {
        if block == kind {
            out += "</li><li>"
        } else {
            open(kind)
            out += "<li>"
        }
        out += Markdown.inline(text)
    }

    private mutating func open(_ kind: Block) {
        close()
        block = kind
        switch kind {
        case .none: break
        case .paragraph: out += "<p>"
        case .bullets: out += "<ul>"
        case .numbers: out += #"<ol class="stepper">"#
        case .code: out += "<pre><code>"
        case .quote: out += "<blockquote><p>"
        }
    }

    private mutating func close() {
        switch block {
        case .none: break
        case .paragraph: out += "</p>"
        case .bullets: out += "</li></ul>"
        case .numbers: out += "</li></ol>"
        case .code: out += "</code></pre>"
        case .quote: out += "</p></blockquote>"
        }
        block = .none
    }
}
