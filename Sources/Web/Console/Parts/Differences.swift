/// The numbers that differ, side by side.
package struct DifferenceTable: Sendable {
    package struct Row: Sendable {
        package let label: String
        package let cells: [Cell]
        package let isDifferent: Bool

        package init(label: String, cells: [Cell], isDifferent: Bool = false) {
            self.label = label
            self.cells = cells
            self.isDifferent = isDifferent
        }
    }

    package struct Cell: Sendable {
        /// `none` and `not checked` are words, never 0 or a dash.
        package let text: String
        package let isStrong: Bool
        package let isQuiet: Bool

        package init(text: String, isStrong: Bool = false, isQuiet: Bool = false) {
            self.text = text
            self.isStrong = isStrong
            self.isQuiet = isQuiet
        }
    }

    /// What is compared: `Line 2, Stretch film 23 µ`.
    package let caption: String
    /// Heads of the columns after the first: `Order, Received, Invoice, Difference`.
    package let columns: [String]
    package let rows: [Row]

    package init(caption: String, columns: [String], rows: [Row]) {
        self.caption = caption
        self.columns = columns
        self.rows = rows
    }
}

/// One thing that was looked at, and how it came out.
package struct Check: Sendable {
    package let status: Status
    package let text: String

    package init(status: Status, text: String) {
        self.status = status
        self.text = text
    }
}

/// What a model would do. Folded, never preselected, always with what speaks against it.
package struct Suggestion: Sendable {
    /// `approve`.
    package let act: String
    /// `0.82 sure, and one reason against`.
    package let summary: String
    package let arguments: [Fact]

    package init(act: String, summary: String, arguments: [Fact]) {
        self.act = act
        self.summary = summary
        self.arguments = arguments
    }
}

/// Text with emphasis written as `**strong**`.
extension Markup {
    /// Escapes everything and turns pairs of `**` into strong text; a lone pair of stars stays as it is.
    package init(emphasis text: String) {
        var out = ""
        var rest = text[...]
        while let open = rest.firstIndex(ofPair: "*"),
            let close = rest[rest.index(open, offsetBy: 2)...].firstIndex(ofPair: "*")
        {
            let inner = rest[rest.index(open, offsetBy: 2)..<close]
            out += Markup.escaped(String(rest[..<open]))
            out += inner.isEmpty ? "****" : "<strong>\(Markup.escaped(String(inner)))</strong>"
            rest = rest[rest.index(close, offsetBy: 2)...]
        }
        self.init(written: out + Markup.escaped(String(rest)))
    }
}

extension Substring {
    fileprivate func firstIndex(ofPair mark: Character) -> Index? {
        var at = startIndex
        while at < endIndex {
            let next = index(after: at)
            if self[at] == mark, next < endIndex, self[next] == mark { return at }
            at = next
        }
        return nil
    }
}
