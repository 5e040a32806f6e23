/// Writes XML with indentation; text is escaped.
struct SampleMarkup {
    private(set) var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    private var depth = 0

    /// An element that holds others.
    mutating func group(_ name: String, _ attributes: String = "", _ body: (inout SampleMarkup) -> Void) {
        line("<\(name)\(attributes)>")
        depth += 1
        body(&self)
        depth -= 1
        line("</\(name)>")
    }

    /// An element with text, or nothing when there is none.
    mutating func leaf(_ name: String, _ value: String?, _ attributes: String = "") {
        guard let value else { return }
        line("<\(name)\(attributes)>\(SampleMarkup.escaped(value))</\(name)>")
    }

    private mutating func line(_ content: String) {
        text += String(repeating: "  ", count: depth) + content + "\n"
    }

    static func escaped(_ value: String) -> String {
        var out = ""
        for character in value.unicodeScalars {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            default: out.unicodeScalars.append(character)
            }
        }
        return out
    }
}
