import Kernel

/// Compares a mapping's places with what live objects have: a name that is misspelt, or of another type than the mapping thinks,
/// shows when a connection is set up and not with the first invoice.
struct FieldCheck {
    static let fieldsMax = 300

    enum Finding: String, Comparable {
        case found
        /// The place is there and holds nothing in the objects looked at.
        case empty
        /// No object looked at has such a member.
        case missing
        /// A value that has to be there is not.
        case needed
        /// A value of another form than is due.
        case wrong

        private var rank: Int { [.found, .empty, .missing, .needed, .wrong].firstIndex(of: self) ?? 0 }
        static func < (lhs: Finding, rhs: Finding) -> Bool { lhs.rank < rhs.rank }
    }

    private var findings: [(field: String, path: String, finding: Finding, detail: String)] = []

    /// The best that any of the objects gave, by field; a wrong form in one of them counts.
    mutating func look(at node: MappingNode, in scope: MappingScope) { visit(node, scope, "") }

    var rows: [JSONValue] {
        findings.map { row in
            [
                "field": .string(row.field), "path": .string(row.path), "result": .string(row.finding.rawValue),
                "detail": .string(row.detail),
            ]
        }
    }

    var isGood: Bool { !findings.contains { $0.finding == .wrong || $0.finding == .needed } }

    private mutating func visit(_ node: MappingNode, _ scope: MappingScope, _ field: String) {
        switch node {
        case .literal, .expression: break
        case .path(let path): note(field, path, FieldCheck.presence(of: path, scope), "")
        case .take(let take):
            guard case .path(let path) = take.source else { return attempt(node, scope, field, "computed") }
            do throws(MappingFailure) {
                switch try take.make(scope, field) {
                case .value: note(field, path, path.value(in: scope) == nil ? .empty : .found, "")
                case .nothing, .dropped: note(field, path, FieldCheck.presence(of: path, scope), "")
                }
            } catch {
                note(field, path, path.value(in: scope) == nil ? .needed : .wrong, error.message)
            }
        case .each(let path, _, let inner):
            guard let items = path.value(in: scope)?.array else {
                return note(
                    field, path, path.value(in: scope) == nil ? FieldCheck.presence(of: path, scope) : .wrong, "a list is due")
            }
            note(field, path, items.isEmpty ? .empty : .found, "")
            for item in items.prefix(3) { visit(inner, scope.entering(item), field) }
        case .first(let nodes): choose(nodes, node, scope, field)
        case .object(let members):
            for member in members { visit(member.node, scope, field.isEmpty ? member.name : "\(field).\(member.name)") }
        case .list(let nodes): for inner in nodes { visit(inner, scope, field) }
        case .join(let nodes): for inner in nodes { visit(inner, scope, field) }
        case .encoded(_, _, let inner), .quote(let inner): visit(inner, scope, field)
        case .from: break
        case .sum(let path, _): note(field, path, FieldCheck.presence(of: path, scope), "")
        }
    }

    /// Which of several places has the value does not matter, as long as one has.
    private mutating func choose(_ nodes: [MappingNode], _ node: MappingNode, _ scope: MappingScope, _ field: String) {
        for inner in nodes {
            do throws(MappingFailure) {
                if try inner.value(in: scope) != nil { return note(field, "the first of several", .found, "") }
            } catch {
                return note(field, "the first of several", .wrong, error.message)
            }
        }
        for inner in nodes { visit(inner, scope, field) }
    }

    private mutating func attempt(_ node: MappingNode, _ scope: MappingScope, _ field: String, _ path: String) {
        do throws(MappingFailure) {
            note(field, path, try node.value(in: scope) == nil ? .empty : .found, "")
        } catch {
            note(field, path, .wrong, error.message)
        }
    }

    private mutating func note(_ field: String, _ path: ValuePath, _ finding: Finding, _ detail: String) {
        // Keys and look-ups have no value here; a live task brings them.
        guard ["", "item", "page", "headers"].contains(path.root) else { return }
        note(field, path.description, finding, detail)
    }

    private mutating func note(_ field: String, _ path: String, _ finding: Finding, _ detail: String) {
        guard let index = findings.firstIndex(where: { $0.field == field && $0.path == path }) else {
            if findings.count < FieldCheck.fieldsMax { findings.append((field, path, finding, detail)) }
            return
        }
        let known = findings[index].finding
        let isWorse = finding == .wrong || finding == .needed
        if isWorse ? finding > known : (finding < known && known < .needed) { findings[index] = (field, path, finding, detail) }
    }

    /// Whether the place exists, for one that has no value: `null` is a place, an absent member is none.
    private static func presence(of path: ValuePath, _ scope: MappingScope) -> Finding {
        if path.value(in: scope) != nil { return .found }
        guard var value = scope[path.root] else { return .missing }
        for step in path.steps {
            if value.isNull { return .empty }
            switch step {
            case .member(let name):
                guard let next = value.object?[name] else { return value.object == nil ? .wrong : .missing }
                value = next
            case .index(let index):
                guard let items = value.array else { return .wrong }
                guard items.indices.contains(index) else { return .empty }
                value = items[index]
            }
        }
        return .empty
    }
}
