/// A definition laid out from left to right, as pure data: the console draws it.
///
/// Shown are titled stages and single calls of the outermost level; `set`, `switch` and `raise` are wiring and left out, and
/// containers without a title are looked through. Branches of a fork stand under each other, a handler under what it catches.
package struct WorkflowDiagram: Sendable, Equatable {
    package struct Node: Sendable, Equatable {
        package let path: String
        package let title: String
        package let kind: String
        /// Counted from 0, from left to right and from top to bottom.
        package let column: Int
        package let row: Int
        package let isGate: Bool

        package init(path: String, title: String, kind: String, column: Int, row: Int, isGate: Bool) {
            self.path = path
            self.title = title
            self.kind = kind
            self.column = column
            self.row = row
            self.isGate = isGate
        }
    }

    package struct Edge: Sendable, Hashable {
        package enum Kind: String, Sendable { case next, jump, failure }

        package let from: String
        package let to: String
        package let kind: Kind

        package init(from: String, to: String, kind: Kind) {
            self.from = from
            self.to = to
            self.kind = kind
        }
    }

    package let nodes: [Node]
    package let edges: [Edge]
    package let columns: Int
    package let rows: Int

    package init(_ definition: WorkflowDefinition) {
        self.init(outline: definition.steps)
    }

    package init(outline: [StepOutline]) {
        let block = DiagramBlock.sequence(outline)
        nodes = block.nodes
        columns = block.width
        rows = block.height
        let shown = block.nodes.map(\.path)
        var edges = block.edges
        for jump in WorkflowDiagram.jumps(in: outline, shown: shown)
        where !edges.contains(where: { $0.from == jump.from && $0.to == jump.to }) {
            edges.append(jump)
        }
        self.edges = edges
    }

    /// The node of the diagram that a step belongs to: itself, or the nearest container that is shown.
    package func node(of path: String) -> Node? {
        let path = WorkflowDefinition.written(path)
        return nodes.filter { path == $0.path || path.hasPrefix($0.path + "/") }
            .max { $0.path.utf8.count < $1.path.utf8.count }
    }

    /// Jumps between nodes that are shown; a jump inside a stage stays invisible.
    private static func jumps(in outline: [StepOutline], shown: [String]) -> [Edge] {
        func owner(of path: String) -> String? {
            shown.filter { path == $0 || path.hasPrefix($0 + "/") }.max { $0.utf8.count < $1.utf8.count }
        }
        var out: [Edge] = []
        func walk(_ steps: [StepOutline]) {
            for step in steps {
                for target in step.jumps {
                    guard let from = owner(of: step.path), let to = owner(of: target), from != to else { continue }
                    let edge = Edge(from: from, to: to, kind: .jump)
                    if !out.contains(edge) { out.append(edge) }
                }
                walk(step.children)
            }
        }
        walk(outline)
        return out
    }
}

/// A part of the diagram with its own origin.
private struct DiagramBlock {
    var nodes: [WorkflowDiagram.Node] = []
    var edges: [WorkflowDiagram.Edge] = []
    var width = 0
    var height = 0
    /// Nodes a flow comes in by, and goes out by.
    var entries: [String] = []
    var exits: [String] = []

    static func sequence(_ steps: [StepOutline]) -> DiagramBlock {
        var out = DiagramBlock()
        for step in steps {
            let part = block(step)
            guard !part.nodes.isEmpty else { continue }
            out.take(part, column: out.width, row: 0)
            for from in out.exits { for to in part.entries { out.edges.append(.init(from: from, to: to, kind: .next)) } }
            if out.entries.isEmpty { out.entries = part.entries }
            out.exits = part.exits
        }
        return out
    }

    private static func block(_ step: StepOutline) -> DiagramBlock {
        switch step.kind {
        case "set", "switch", "raise", "emit": return DiagramBlock()
        case "do": return sequence(step.children)
        case "fork":
            var out = DiagramBlock()
            for branch in step.children {
                let part = branch.kind == "do" || branch.kind == "stage" ? sequence(branch.children) : sequence([branch])
                out.take(part, column: 0, row: out.height)
                out.entries += part.entries
                out.exits += part.exits
            }
            return out
        case "try": return attempt(step)
        default:
            let node = WorkflowDiagram.Node(
                path: step.path, title: step.title, kind: step.kind, column: 0, row: 0, isGate: step.isGate)
            return DiagramBlock(nodes: [node], edges: [], width: 1, height: 1, entries: [step.path], exits: [step.path])
        }
    }

    private static func attempt(_ step: StepOutline) -> DiagramBlock {
        guard let body = step.children.first else { return DiagramBlock() }
        var out = sequence(body.children)
        guard step.children.count == 2, let handler = step.children.last else { return out }
        let caught = sequence(handler.children)
        guard !caught.nodes.isEmpty else { return out }
        let sources = failing(body.children)
        let shown = out.nodes.map(\.path)
        out.take(caught, column: max(0, out.width - caught.width), row: out.height)
        for source in sources where shown.contains(source) {
            for to in caught.entries { out.edges.append(.init(from: source, to: to, kind: .failure)) }
        }
        out.exits += caught.exits
        return out
    }

    /// Steps whose inside raises, or that ask another system and may be refused.
    private static func failing(_ steps: [StepOutline]) -> [String] {
        var out: [String] = []
        for step in steps {
            if step.kind == "do" || step.kind == "fork" || step.kind == "try" {
                out += failing(step.children)
            } else if step.kind.hasPrefix("erp.") || raises(step) {
                out.append(step.path)
            }
        }
        return out
    }

    private static func raises(_ step: StepOutline) -> Bool {
        step.kind == "raise" || step.children.contains { raises($0) }
    }

    private mutating func take(_ part: DiagramBlock, column: Int, row: Int) {
        nodes += part.nodes.map {
            WorkflowDiagram.Node(
                path: $0.path, title: $0.title, kind: $0.kind, column: $0.column + column, row: $0.row + row, isGate: $0.isGate)
        }
        edges += part.edges
        width = max(width, column + part.width)
        height = max(height, row + part.height)
    }
}
