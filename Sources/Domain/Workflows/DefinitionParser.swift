import Expressions
import Kernel
import Policies

/// Reads the JSON of a definition into steps; closed, so that what is unknown is refused with a remedy.
struct DefinitionParser {
    var issues: [AssetIssue] = []
    var nodes: [StepNode] = []
    var policies: Set<String> = []
    var connections: Set<String> = []
    var roles: Set<String> = []
    /// Jumps whose targets are known only when their list is complete.
    var pendingJumps: [PendingJump] = []

    struct PendingJump {
        let node: Int
        /// The case of a switch, or nil for the step's own `then`.
        let caseIndex: Int?
        let target: String
        let pointer: String
    }

    /// Names that every expression may use; `output` only where a step has one.
    static let scope = ExpressionScope(["input", "context", "run"])
    static let outputScope = ExpressionScope(["input", "context", "run", "output"])

    static let taskKinds = ["set", "switch", "do", "call", "fork", "try", "raise", "wait"]
    static let commonMembers = ["title", "if", "output", "export", "then", "measure"]

    mutating func parse(_ json: JSONValue) -> WorkflowDefinition? {
        guard let reader = AssetReader(json, at: "", "workflow", issues: &issues) else { return nil }
        reader.close(
            ["kind", "name", "version", "title", "description", "duties", "chain", "do", "outcomes", "outcome", "output"],
            issues: &issues)
        if reader.object["kind"]?.string != "workflow" {
            issues.append(AssetIssue("/kind", "A workflow says `kind: workflow`.", remedy: "Write `kind: workflow`."))
        }
        let name = reader.name("name", issues: &issues)
        let version = reader.text("version", issues: &issues)
        let title = reader.text("title", issues: &issues)
        _ = reader.optionalText("description", issues: &issues)
        let duties = reader.optionalText("duties", issues: &issues)
        if let duties { policies.insert(duties) }
        let chain = parseChain(reader)
        let outcomes = reader.texts("outcomes", upTo: 20, issues: &issues)
        if outcomes.isEmpty { reader.missing("outcomes", issues: &issues) }
        let outcome = expression("outcome", of: reader, isRequired: true)
        let output = reader.object["output"].map {
            Template.parse($0, in: DefinitionParser.scope, at: "/output", issues: &issues)
        }
        guard reader.object["do"] != nil else {
            reader.missing("do", issues: &issues)
            return nil
        }
        _ = open(name: "", path: "", title: title ?? "", isTitled: false, parent: nil)
        nodes[0].action = .sequence(list("do", of: reader, parent: 0, depth: 1))
        resolveJumps()
        if duties == nil, nodes.contains(where: { if case .human = $0.action { true } else { false } }) {
            issues.append(
                AssetIssue(
                    "", "People decide here, and no rule separates their duties.",
                    remedy: "Name a duty-separation policy in `duties`."))
        }
        issues.append(contentsOf: FlowCheck(nodes: nodes).issues())
        guard let name, let version, let title, let outcome else { return nil }
        return WorkflowDefinition(
            name: name, version: version, title: title, policies: policies.sorted(), connections: connections.sorted(),
            outcomes: outcomes, objectives: Set(nodes.flatMap { $0.onEnter + $0.onExit }.map(\.objective)).sorted(),
            roles: roles.sorted(),
            steps: outline(of: 0), nodes: nodes,
            idByPath: Dictionary(nodes.map { ($0.path, $0.id) }, uniquingKeysWith: { first, _ in first }), outcome: outcome,
            output: output,
            chain: chain, duties: duties)
    }

    private mutating func parseChain(_ reader: AssetReader) -> [(duty: String, person: Template)] {
        var out: [(duty: String, person: Template)] = []
        for item in reader.list("chain", upTo: 20, isRequired: false, issues: &issues) {
            guard let act = AssetReader(item.value, at: item.pointer, "act", issues: &issues) else { continue }
            act.close(["duty", "person"], issues: &issues)
            guard let duty = act.name("duty", issues: &issues), let person = template("person", of: act, isRequired: true) else {
                continue
            }
            out.append((duty: duty, person: person))
        }
        return out
    }

    mutating func open(name: String, path: String, title: String, isTitled: Bool, parent: Int?) -> Int {
        nodes.append(
            StepNode(
                id: nodes.count, name: name, path: path, title: title, isTitled: isTitled, parent: parent, action: .sequence([])))
        return nodes.count - 1
    }

    /// A list of one-member mappings, name to task.
    mutating func list(_ member: String, of reader: AssetReader, parent: Int, depth: Int) -> [Int] {
        let items = reader.list(member, upTo: RunBounds.stepsMax, isRequired: true, issues: &issues)
        if items.isEmpty, reader.object[member] != nil {
            issues.append(
                AssetIssue(reader.path(member), "The list of steps is empty.", remedy: "Add a step, or remove the list."))
        }
        guard depth <= RunBounds.depthMax else {
            issues.append(
                AssetIssue(
                    reader.path(member), "Steps nest deeper than \(RunBounds.depthMax) levels.", remedy: "Flatten the workflow."))
            return []
        }
        var children: [Int] = []
        for item in items {
            guard let id = step(item.value, item.pointer, parent: parent, siblings: children, depth: depth) else { continue }
            children.append(id)
        }
        return children
    }

    /// `name: {…}`: answers name, task and pointer.
    mutating func named(_ json: JSONValue, _ pointer: String, _ what: String) -> (name: String, task: AssetReader)? {
        guard case .object(let object) = json, object.count == 1, let member = object.members.first else {
            issues.append(
                AssetIssue(pointer, "A \(what) is written as one name with its content.", remedy: "Write `- name: …`."))
            return nil
        }
        let at = "\(pointer)/\(AssetIssue.token(member.key))"
        guard AssetReader.isName(member.key) else {
            issues.append(AssetReader.badName(member.key, at: at))
            return nil
        }
        guard let task = AssetReader(member.value, at: at, what, issues: &issues) else { return nil }
        return (member.key, task)
    }

    private mutating func step(_ json: JSONValue, _ pointer: String, parent: Int, siblings: [Int], depth: Int) -> Int? {
        guard let (name, task) = named(json, pointer, "step") else { return nil }
        guard nodes.count < RunBounds.stepsMax else {
            issues.append(AssetIssue(pointer, "A workflow may have \(RunBounds.stepsMax) steps.", remedy: "Split it."))
            return nil
        }
        if siblings.contains(where: { nodes[$0].name == name }) || ["continue", "exit", "end"].contains(name) {
            issues.append(AssetIssue(task.pointer, "The name `\(name)` is taken in this list.", remedy: "Choose another name."))
            return nil
        }
        let kinds = DefinitionParser.taskKinds.filter { task.object[$0] != nil }
        guard kinds.count == 1 else {
            task.close(DefinitionParser.taskKinds + DefinitionParser.commonMembers, issues: &issues)
            issues.append(
                AssetIssue(
                    task.pointer,
                    kinds.isEmpty ? "The step does nothing." : "The step does two things: \(kinds.joined(separator: " and ")).",
                    remedy: "Give it exactly one of: \(DefinitionParser.taskKinds.joined(separator: ", "))."))
            return nil
        }
        let title = task.optionalText("title", issues: &issues)
        let prefix = nodes[parent].path
        let id = open(
            name: name, path: prefix.isEmpty ? name : "\(prefix)/\(name)", title: title ?? DefinitionParser.spoken(name),
            isTitled: title != nil, parent: parent)
        common(task, id)
        nodes[id].action = action(kinds[0], task, id, depth: depth) ?? .sequence([])
        return id
    }

    /// `check-supplier` reads as "Check supplier".
    static func spoken(_ name: String) -> String {
        let text = name.split(separator: "-").joined(separator: " ")
        return text.prefix(1).uppercased() + text.dropFirst()
    }

    private mutating func common(_ task: AssetReader, _ id: Int) {
        nodes[id].condition = expression("if", of: task, isRequired: false)
        if let json = task.object["output"], let output = AssetReader(json, at: task.path("output"), "output", issues: &issues) {
            output.close(["as"], issues: &issues)
            nodes[id].outputAs = expression("as", of: output, isRequired: true, in: DefinitionParser.outputScope)
        }
        if let json = task.object["export"], let exports = AssetReader(json, at: task.path("export"), "export", issues: &issues) {
            if exports.object.count > RunBounds.exportsMax {
                issues.append(
                    AssetIssue(exports.pointer, "A step exports at most \(RunBounds.exportsMax) values.", remedy: "Export fewer.")
                )
            }
            for key in exports.object.keys {
                guard let value = expression(key, of: exports, isRequired: true, in: DefinitionParser.outputScope) else {
                    continue
                }
                nodes[id].exports.append((name: key, expression: value))
            }
        }
        if let then = task.optionalText("then", issues: &issues) {
            nodes[id].then = directive(then, node: id, caseIndex: nil, pointer: task.path("then"))
        }
        guard let json = task.object["measure"],
            let measure = AssetReader(json, at: task.path("measure"), "measure", issues: &issues)
        else { return }
        measure.close(["enter", "exit"], issues: &issues)
        nodes[id].onEnter = clockRules("enter", of: measure)
        nodes[id].onExit = clockRules("exit", of: measure)
    }

    private mutating func clockRules(_ member: String, of measure: AssetReader) -> [ClockRule] {
        measure.list(member, upTo: 10, isRequired: false, issues: &issues).compactMap { item in
            guard let rule = AssetReader(item.value, at: item.pointer, "clock change", issues: &issues) else { return nil }
            rule.close(["start", "stop", "pause", "resume", "reason"], issues: &issues)
            let verbs = ["start", "stop", "pause", "resume"].filter { rule.object[$0] != nil }
            guard verbs.count == 1, let objective = rule.name(verbs[0], issues: &issues) else {
                issues.append(
                    AssetIssue(rule.pointer, "A clock change has one verb.", remedy: "Write `- start: approval-cycle`."))
                return nil
            }
            let reason = rule.optionalText("reason", issues: &issues) ?? ""
            switch verbs[0] {
            case "start": return ClockRule(objective: objective, change: .start)
            case "stop": return ClockRule(objective: objective, change: .stop)
            case "pause": return ClockRule(objective: objective, change: .pause(reason: reason))
            default: return ClockRule(objective: objective, change: .resume(reason: reason))
            }
        }
    }

    mutating func directive(_ text: String, node: Int, caseIndex: Int?, pointer: String) -> Directive {
        switch text {
        case "continue": return .proceed
        case "exit": return .exit
        case "end": return .end
        default:
            pendingJumps.append(PendingJump(node: node, caseIndex: caseIndex, target: text, pointer: pointer))
            return .proceed
        }
    }

    private mutating func resolveJumps() {
        for jump in pendingJumps {
            let siblings = nodes.filter { $0.parent == nodes[jump.node].parent }
            guard let target = siblings.first(where: { $0.name == jump.target }) else {
                let names = siblings.map(\.name) + ["continue", "exit", "end"]
                issues.append(
                    AssetIssue(
                        jump.pointer, "There is no step `\(jump.target)` in this list.",
                        remedy: AssetReader.nearest(to: jump.target, among: names).map { "Did you mean `\($0)`?" }
                            ?? "Jumps stay in their list; use one of: \(names.joined(separator: ", "))."))
                continue
            }
            guard let index = jump.caseIndex else {
                nodes[jump.node].then = .jump(target.id)
                continue
            }
            guard case .choose(var cases) = nodes[jump.node].action, cases.indices.contains(index) else { continue }
            cases[index].then = .jump(target.id)
            nodes[jump.node].action = .choose(cases)
        }
    }

    mutating func expression(
        _ member: String, of reader: AssetReader, isRequired: Bool, in scope: ExpressionScope = DefinitionParser.scope
    ) -> CompiledExpression? {
        guard isRequired || reader.object[member] != nil else { return nil }
        // `true` and numbers are expressions too, and YAML gives them as such.
        switch reader.object[member] {
        case .bool(let flag): return compile(flag ? "true" : "false", in: scope, at: reader.path(member))
        case .number(let number): return compile(number.text, in: scope, at: reader.path(member))
        default: break
        }
        guard var text = reader.text(member, issues: &issues) else { return nil }
        if text.hasPrefix("${"), text.hasSuffix("}") { text = String(text.dropFirst(2).dropLast()) }
        return compile(text, in: scope, at: reader.path(member))
    }

    private mutating func compile(_ text: String, in scope: ExpressionScope, at pointer: String) -> CompiledExpression? {
        CompiledExpression.compile(text, in: scope, pointer: pointer, issues: &issues)
    }

    mutating func template(_ member: String, of reader: AssetReader, isRequired: Bool) -> Template? {
        guard let json = reader.object[member] else {
            if isRequired { reader.missing(member, issues: &issues) }
            return nil
        }
        return Template.parse(json, in: DefinitionParser.scope, at: reader.path(member), issues: &issues)
    }
}
