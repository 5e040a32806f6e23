import Kernel

/// The diagram of a definition as an SVG of its own: no style sheet, no script, readable in light and dark.
package struct WorkflowDrawing: Sendable {
    private static let cellWidth = 200
    private static let cellHeight = 96
    private static let boxWidth = 160
    private static let boxHeight = 56
    private static let margin = 20
    /// Longer titles are cut; the whole title is in the tooltip.
    private static let titleScalarsMax = 22

    private let diagram: WorkflowDiagram
    private let name: String

    package init(_ definition: WorkflowDefinition) {
        diagram = WorkflowDiagram(definition)
        name = "\(definition.title) \(definition.version)"
    }

    package var svg: String {
        let width = max(1, diagram.columns) * WorkflowDrawing.cellWidth + 2 * WorkflowDrawing.margin
        let height = max(1, diagram.rows) * WorkflowDrawing.cellHeight + 2 * WorkflowDrawing.margin
        var out = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" "
                + "height=\"\(height)\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\">",
            "<title>\(escaped(name))</title>",
            "<defs><marker id=\"to\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
                + "orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#6b7280\"/></marker></defs>",
        ]
        out += diagram.edges.compactMap(edge)
        out += diagram.nodes.map(box)
        out.append("</svg>")
        return out.joined(separator: "\n")
    }

    private func corner(_ node: WorkflowDiagram.Node) -> (x: Int, y: Int) {
        (
            WorkflowDrawing.margin + node.column * WorkflowDrawing.cellWidth,
            WorkflowDrawing.margin + node.row * WorkflowDrawing.cellHeight
        )
    }

    private func box(_ node: WorkflowDiagram.Node) -> String {
        let (x, y) = corner(node)
        let middle = x + WorkflowDrawing.boxWidth / 2
        var title = node.title.unicodeScalars.count > WorkflowDrawing.titleScalarsMax ? "…" : ""
        title = String(String.UnicodeScalarView(node.title.unicodeScalars.prefix(WorkflowDrawing.titleScalarsMax))) + title
        // A gate has a double frame, so that it is told apart without colour.
        let frame =
            "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(WorkflowDrawing.boxWidth)\" height=\"\(WorkflowDrawing.boxHeight)\" rx=\"8\" "
            + "fill=\"#ffffff\" stroke=\"#374151\" stroke-width=\"\(node.isGate ? 2 : 1)\"/>"
        let second =
            node.isGate
            ? "<rect x=\"\(x + 4)\" y=\"\(y + 4)\" width=\"\(WorkflowDrawing.boxWidth - 8)\" "
                + "height=\"\(WorkflowDrawing.boxHeight - 8)\" rx=\"5\" fill=\"none\" stroke=\"#374151\"/>" : ""
        return "<g><title>\(escaped(node.title)) (\(escaped(node.path)))</title>\(frame)\(second)"
            + "<text x=\"\(middle)\" y=\"\(y + 26)\" text-anchor=\"middle\" fill=\"#111827\">\(escaped(title))</text>"
            + "<text x=\"\(middle)\" y=\"\(y + 43)\" text-anchor=\"middle\" fill=\"#4b5563\" font-size=\"11\">"
            + "\(escaped(node.kind))</text></g>"
    }

    private func edge(_ edge: WorkflowDiagram.Edge) -> String? {
        guard let from = diagram.nodes.first(where: { $0.path == edge.from }),
            let to = diagram.nodes.first(where: { $0.path == edge.to })
        else { return nil }
        let (start, end) = (corner(from), corner(to))
        let half = WorkflowDrawing.boxHeight / 2
        let dash = edge.kind == .next ? "" : edge.kind == .failure ? " stroke-dasharray=\"2 4\"" : " stroke-dasharray=\"6 4\""
        let path: String
        if to.column > from.column {
            let (x1, y1, x2, y2) = (start.x + WorkflowDrawing.boxWidth, start.y + half, end.x, end.y + half)
            let bend = (x1 + x2) / 2
            path = "M\(x1) \(y1)C\(bend) \(y1) \(bend) \(y2) \(x2) \(y2)"
        } else {
            // Back, or down to a handler in the same column: below the boxes.
            let (x1, y1) = (start.x + WorkflowDrawing.boxWidth / 2, start.y + WorkflowDrawing.boxHeight)
            let (x2, y2) =
                to.row > from.row
                ? (end.x + WorkflowDrawing.boxWidth / 2, end.y)
                : (end.x + WorkflowDrawing.boxWidth / 2, end.y + WorkflowDrawing.boxHeight)
            let low = max(y1, y2) + (to.row > from.row ? 0 : 24)
            path = "M\(x1) \(y1)C\(x1) \(low) \(x2) \(low) \(x2) \(y2)"
        }
        return "<path d=\"\(path)\" fill=\"none\" stroke=\"#6b7280\"\(dash) marker-end=\"url(#to)\"/>"
    }

    private func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "&": out += "&amp;"
            case "\"": out += "&quot;"
            default: out.append(character)
            }
        }
        return out
    }
}
