/// A workflow drawn left to right; its text alternative is the timeline.
package struct DiagramModel: Sendable, Showing {
    /// Most nodes one diagram draws; a definition with more shows its first ones and says so.
    package static let nodesMax = 60

    package struct Node: Sendable {
        package let id: String
        package let title: String
        /// One fact below the title: `Factur-X, 3.1 s`.
        package let fact: String
        /// What the step is, for readers who hear it: `approval`, `policy decision`.
        package let kind: String
        package let status: Status
        package let column: Int
        package let row: Int
        /// Nothing passes alone: two strokes on the exit.
        package let isGate: Bool
        package let signatures: [Signature]
        /// Where a click leads: the step's row in the timeline.
        package let href: String

        package init(
            id: String, title: String, fact: String = "", kind: String = "step", status: Status, column: Int, row: Int = 0,
            isGate: Bool = false, signatures: [Signature] = [], href: String = ""
        ) {
            self.id = id
            self.title = title
            self.fact = fact
            self.kind = kind
            self.status = status
            self.column = column
            self.row = row
            self.isGate = isGate
            self.signatures = signatures
            self.href = href
        }
    }

    package struct Edge: Sendable {
        package let from: String
        package let to: String

        package init(from: String, to: String) {
            self.from = from
            self.to = to
        }
    }

    package let nodes: [Node]
    package let edges: [Edge]

    package init(nodes: [Node], edges: [Edge]) {
        self.nodes = nodes
        self.edges = edges
    }

    var shown: [(name: String, value: Any)] {
        [("drawing", DiagramDrawing(self).markup), ("isCut", nodes.count > DiagramModel.nodesMax)]
    }
}

/// Places the nodes and draws them.
struct DiagramDrawing {
    private struct Box {
        let node: DiagramModel.Node
        let x: Int
        let y: Int
        let width: Int
        let height: Int
        var middle: Int { y + height / 2 }
        var exit: Int { x + width + (node.isGate ? 8 : 0) }
    }

    private static let columnGap = 20
    private static let rowGap = 16
    private static let margin = 10

    private var boxes: [Box] = []
    private var width = 0
    private var height = 0
    private let edges: [DiagramModel.Edge]

    init(_ model: DiagramModel) {
        let nodes = Array(model.nodes.prefix(DiagramModel.nodesMax))
        edges = model.edges
        let columns = Dictionary(grouping: nodes, by: \.column).sorted { $0.key < $1.key }.map {
            $0.value.sorted { ($0.row, $0.id) < ($1.row, $1.id) }
        }
        height = (columns.map { DiagramDrawing.columnHeight($0) }.max() ?? 0) + 2 * DiagramDrawing.margin
        var x = 1
        for column in columns {
            let columnWidth = column.map { DiagramDrawing.width(of: $0) }.max() ?? 0
            var y = (height - DiagramDrawing.columnHeight(column)) / 2
            for node in column {
                let nodeHeight = DiagramDrawing.height(of: node)
                boxes.append(Box(node: node, x: x, y: y, width: columnWidth, height: nodeHeight))
                y += nodeHeight + DiagramDrawing.rowGap
            }
            x += columnWidth + DiagramDrawing.columnGap + (column.contains { $0.isGate } ? 8 : 0)
        }
        width = max(x - DiagramDrawing.columnGap + 2, 1)
    }

    private static func isWide(_ node: DiagramModel.Node) -> Bool { !node.signatures.isEmpty }

    private static func width(of node: DiagramModel.Node) -> Int {
        if isWide(node) { return 168 }
        return min(max(38 + node.title.count * 7, 22 + node.fact.count * 6, 84), 150)
    }

    private static func height(of node: DiagramModel.Node) -> Int {
        isWide(node) ? 34 + 28 * node.signatures.count + (node.fact.isEmpty ? 4 : 18) : 42
    }

    private static func columnHeight(_ column: [DiagramModel.Node]) -> Int {
        column.map { height(of: $0) }.reduce(0, +) + max(column.count - 1, 0) * rowGap
    }

    var markup: Markup {
        var out =
            #"<svg class="diagram" width="\#(width)" height="\#(height)" viewBox="0 0 \#(width) \#(height)" role="group" aria-label="Workflow, left to right; the timeline below says the same in words">"#
        for edge in edges { out += line(edge) }
        for box in boxes { out += drawing(box) }
        return Markup(written: out + "</svg>")
    }

    private func line(_ edge: DiagramModel.Edge) -> String {
        guard let from = boxes.first(where: { $0.node.id == edge.from }), let to = boxes.first(where: { $0.node.id == edge.to }),
            to.x > from.x
        else { return "" }
        let (x1, y1, x2, y2) = (from.exit, from.middle, to.x, to.middle)
        let isAhead = to.node.status == .notStarted || from.node.status == .notStarted
        let middle = (x1 + x2) / 2
        let isCrossing = boxes.contains { $0.x > from.x && $0.x < to.x && $0.y < max(y1, y2) && $0.y + $0.height > min(y1, y2) }
        let path: String
        if isCrossing {
            let low = height - 3
            path = "M\(x1) \(y1)C\(x1 + 16) \(y1) \(x1 + 4) \(low) \(x1 + 24) \(low)H\(x2 - 24)C\(x2 - 4) \(low) \(x2 - 16) \(y2) \(x2) \(y2)"
        } else if y1 == y2 {
            path = "M\(x1) \(y1)H\(x2)"
        } else {
            path = "M\(x1) \(y1)C\(middle) \(y1) \(middle) \(y2) \(x2) \(y2)"
        }
        return #"<path class="edge\#(isAhead ? " ahead" : "")" d="\#(path)"/>"#
    }

    private func drawing(_ box: Box) -> String {
        let node = box.node
        let isAhead = node.status == .notStarted
        let kind = node.status == .needsPerson ? "asks" : isAhead ? "ahead" : node.status.tone == .bad ? "failed" : "past"
        let spoken = Markup.escaped("\(node.title), \(node.kind), \(node.status.word)\(node.fact.isEmpty ? "" : ", " + node.fact)")
        var out = node.href.isEmpty ? "<g>" : #"<a href="\#(Markup.escaped(node.href))" aria-label="\#(spoken)">"#
        out += #"<rect class="node \#(kind)" x="\#(box.x)" y="\#(box.y)" width="\#(box.width)" height="\#(box.height)" rx="5"/>"#
        out +=
            #"<svg class="g \#(node.status.tone.rawValue)" x="\#(box.x + 9)" y="\#(box.y + 8)" width="14" height="14" viewBox="0 0 16 16"><use href="\#(StaticAssets.iconsPath)#s-\#(node.status.rawValue)"/></svg>"#
        out += text(node.title, at: (box.x + 28, box.y + 19), room: box.width - 34, perLetter: 7, "node-title")
        if DiagramDrawing.isWide(node) {
            for (index, signature) in node.signatures.enumerated() {
                let y = box.y + 48 + index * 28
                out += text(signature.name, at: (box.x + 10, y), room: box.width - 70, perLetter: 7, "sign-name \(signature.state.rawValue)")
                let end = signature.lines.first ?? ""
                out += text(end, at: (box.x + box.width - 10, y), room: 60, perLetter: 6, "sign-time")
                out += #"<path class="sign-line \#(signature.state.rawValue)" d="M\#(box.x + 10) \#(y + 5)H\#(box.x + box.width - 10)"/>"#
            }
            out += text(node.fact, at: (box.x + 10, box.y + box.height - 9), room: box.width - 20, perLetter: 6, "node-fact")
        } else {
            out += text(node.fact, at: (box.x + 10, box.y + 34), room: box.width - 16, perLetter: 6, "node-fact")
        }
        if node.isGate {
            let x = box.x + box.width
            out += #"<path class="gate" d="M\#(x + 4) \#(box.y)v\#(box.height)M\#(x + 8) \#(box.y)v\#(box.height)"/>"#
        }
        return out + (node.href.isEmpty ? "</g>" : "</a>")
    }

    /// Text cut to the letters that fit: SVG does not wrap and pages carry no measure of the reader's font.
    private func text(_ text: String, at point: (x: Int, y: Int), room: Int, perLetter: Int, _ css: String) -> String {
        guard !text.isEmpty else { return "" }
        let letters = max(room / perLetter, 3)
        let shown = text.count > letters ? text.prefix(letters - 1) + "…" : text[...]
        return #"<text class="\#(css)" x="\#(point.x)" y="\#(point.y)">\#(Markup.escaped(String(shown)))</text>"#
    }
}
