/// Writes the inside of an `<svg>` with attributes only, so that the pages' policy needs no exception for drawings.
///
/// Positions along a row are text, since they may be percentages: a drawing takes any width and its letters keep their size.
struct Drawing {
    private(set) var html = ""

    /// An element with attributes in the order given; those with an empty value are left out. Values are escaped.
    mutating func element(_ name: String, _ attributes: KeyValuePairs<String, String>) {
        html += tag(name, attributes) + "/>"
    }

    /// Letters at a point; `shift` moves them away from it by that many pixels.
    mutating func text(_ words: String, x: String, y: Int, css: String = "", shift: Int = 0, anchor: String = "") {
        guard !words.isEmpty else { return }
        let place: KeyValuePairs = [
            "class": css, "x": x, "dx": shift == 0 ? "" : String(shift), "y": String(y), "text-anchor": anchor,
        ]
        html += tag("text", place) + ">" + Markup.escaped(words) + "</text>"
    }

    mutating func bar(_ css: String, x: String, y: Int, width: String, height: Int, rounded: String = "") {
        element("rect", ["class": css, "x": x, "y": String(y), "width": width, "height": String(height), "rx": rounded])
    }

    /// A stretch filled with one of the page's patterns, `hatch` or `stripe`.
    mutating func shade(_ pattern: String, x: String, y: Int, width: String, height: Int) {
        element("rect", ["fill": "url(#\(pattern))", "x": x, "y": String(y), "width": width, "height": String(height)])
    }

    mutating func line(_ css: String, from: String, to: String, y1: String, y2: String) {
        element("line", ["class": css, "x1": from, "x2": to, "y1": y1, "y2": y2])
    }

    mutating func path(_ css: String, _ data: String) {
        element("path", ["class": css, "d": data])
    }

    /// A status glyph of the sprite.
    mutating func glyph(_ status: Status, x: Int, y: Int) {
        let place: KeyValuePairs = [
            "class": "g \(status.tone.rawValue)", "x": String(x), "y": String(y), "width": "14", "height": "14",
            "viewBox": "0 0 16 16",
        ]
        html += tag("svg", place) + ">"
        element("use", ["href": "\(StaticAssets.iconsPath)#s-\(status.rawValue)"])
        html += "</svg>"
    }

    mutating func open(_ name: String, _ attributes: KeyValuePairs<String, String> = [:]) { html += tag(name, attributes) + ">" }

    /// Text that is already HTML.
    mutating func put(_ written: String) { html += written }

    mutating func close(_ name: String) { html += "</\(name)>" }

    /// The whole as markup of this module.
    var markup: Markup { Markup(written: html) }

    private func tag(_ name: String, _ attributes: KeyValuePairs<String, String>) -> String {
        var out = "<" + name
        for (key, value) in attributes where !value.isEmpty { out += " \(key)=\"\(Markup.escaped(value))\"" }
        return out
    }
}
