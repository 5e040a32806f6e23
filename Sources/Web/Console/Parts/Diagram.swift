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

    private static let spoken = "Workflow, left to right; the timeline below says the same in words"

    var markup: Markup {
        var out = Drawing()
        out.open(
            "svg",
            [
                "class": "diagram", "width": String(width), "height": String(height), "viewBox": "0 0 \(width) \(height)",
                "role": "group", "aria-label": DiagramDrawing.spoken,
            ])
        for edge in edges { draw(edge, in: &out) }
        for box in boxes { draw(box, in: &out) }
        out.close("svg")
        return out.markup
    }

    private func draw(_ edge: DiagramModel.Edge, in out: inout Drawing) {
        guard let from = boxes.first(where: { $0.node.id == edge.from }), let to = boxes.first(where: { $0.node.id == edge.to }),
            to.x > from.x
        else { return }
        let (x1, y1, x2, y2) = (from.exit, from.middle, to.x, to.middle)
        let isAhead = to.node.status == .notStarted || from.node.status == .notStarted
        let isCrossing = boxes.contains {
            $0.x > from.x && $0.x < to.x && $0.y < max(y1, y2) + 1 && $0.y + $0.height > min(y1, y2)
        }
        let path: String
        if isCrossing {
            let low = height - 3
            let down = "C\(x1 + 16) \(y1) \(x1 + 4) \(low) \(x1 + 24) \(low)"
            let up = "C\(x2 - 4) \(low) \(x2 - 16) \(y2) \(x2) \(y2)"
            path = "M\(x1) \(y1)\(down)H\(x2 - 24)\(up)"
        } else if y1 == y2 {
            path = "M\(x1) \(y1)H\(x2)"
        } else {
            let middle = (x1 + x2) / 2
            path = "M\(x1) \(y1)C\(middle) \(y1) \(middle) \(y2) \(x2) \(y2)"
        }
        out.path(isAhead ? "edge ahead" : "edge", path)
    }

    private func draw(_ box: Box, in out: inout Drawing) {
        let node = box.node
        let isAhead = node.status == .notStarted
        let kind = node.status == .needsPerson ? "asks" : isAhead ? "ahead" : node.status.tone == .bad ? "failed" : "past"
        let name = node.href.isEmpty ? "g" : "a"
        let spoken = "\(node.title), \(node.kind), \(node.status.word)" + (node.fact.isEmpty ? "" : ", \(node.fact)")
        out.open(name, ["href": node.href, "aria-label": node.href.isEmpty ? "" : spoken])
        out.bar("node \(kind)", x: String(box.x), y: box.y, width: String(box.width), height: box.height, rounded: "5")
        out.glyph(node.status, x: box.x + 9, y: box.y + 8)
        write(node.title, at: (box.x + 28, box.y + 19), room: box.width - 34, perLetter: 7, "node-title", in: &out)
        if DiagramDrawing.isWide(node) {
            for (index, signature) in node.signatures.enumerated() {
                draw(signature, x: box.x + 10, y: box.y + 48 + index * 28, width: box.width - 20, in: &out)
            }
            write(node.fact, at: (box.x + 10, box.y + box.height - 9), room: box.width - 20, perLetter: 6, "node-fact", in: &out)
        } else {
            write(node.fact, at: (box.x + 10, box.y + 34), room: box.width - 16, perLetter: 6, "node-fact", in: &out)
        }
        if node.isGate {
            let x = box.x + box.width
            out.path("gate", "M\(x + 4) \(box.y)v\(box.height)M\(x + 8) \(box.y)v\(box.height)")
        }
        out.close(name)
    }

    private func draw(_ signature: Signature, x: Int, y: Int, width: Int, in out: inout Drawing) {
        let state = signature.state.rawValue
        write(signature.name, at: (x, y), room: width - 50, perLetter: 7, "sign-name \(state)", in: &out)
        write(signature.lines.first ?? "", at: (x + width, y), room: 60, perLetter: 6, "sign-time", in: &out)
        out.path("sign-line \(state)", "M\(x) \(y + 5)h\(width)")
    }

    /// Writes the letters that fit: SVG does not wrap, and pages carry no measure of the reader's font.
    private func write(
        _ text: String, at point: (x: Int, y: Int), room: Int, perLetter: Int, _ css: String, in out: inout Drawing
    ) {
        let letters = max(room / perLetter, 3)
        let shown = text.count > letters ? text.prefix(letters - 1) + "…" : text[...]
        out.text(String(shown), x: String(point.x), y: point.y, css: css)
    }
}
