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
    var workflows: [WorkflowReference] = []
    /// Jumps whose targets are known only when their list is complete.
    var pendingJumps: [PendingJump] = []

    struct PendingJump {
        let node: Int
        /// The case of a switch, or nil for the step's own `then`.
        let caseIndex: Int?
        let target: String
        let pointer: String
    }

    var flow = DataFlow.context
    /// Names that the steps around give: items of loops, caught errors.
    var locals: [String] = []
    var hasLocals = false
    /// Errors and rules for trying again that the document names once (plain Serverless Workflow).
    var namedErrors: JSONObject = [:]
    var namedRetries: JSONObject = [:]
    var namedTimeouts: JSONObject = [:]

    /// Names that an expression may use at this place.
    var scope: ExpressionScope { ExpressionScope(flow.names + locals) }
    /// The same with `output`, where a step has one.
    var outputScope: ExpressionScope { ExpressionScope(flow.names + locals.filter { $0 != "output" } + ["output"]) }

    private static let sharedKinds = ["set", "switch", "do", "call", "for", "fork", "try", "raise", "wait", "emit", "listen"]
    var taskKinds: [String] { DefinitionParser.sharedKinds + (flow == .context ? ["run"] : []) }
    var commonMembers: [String] {
        let shared = ["if", "output", "export", "then", "timeout"]
        return shared + (flow == .context ? ["title", "measure", "compensate"] : ["input", "metadata"])
    }

    mutating func parse(_ json: JSONValue) -> WorkflowDefinition? {
        guard let reader = AssetReader(json, at: "", "workflow", issues: &issues) else { return nil }
        if reader.object["document"] != nil { return parsePlain(reader) }
        reader.close(
            [
                "kind", "name", "version", "title", "description", "duties", "chain", "do", "outcomes", "outcome", "output",
                "timeout", "secondPerson", "schedule",
            ],
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
            Template.parse($0, in: scope, at: "/output", issues: &issues)
        }
        guard parseSteps(reader, title: title ?? "") else { return nil }
        if duties == nil, nodes.contains(where: { if case .human = $0.action { true } else { false } }) {
            issues.append(
                AssetIssue(
                    "", "People decide here, and no rule separates their duties.",
                    remedy: "Name a duty-separation policy in `duties`."))
        }
        let secondPerson = parseSecondPerson(reader)
        let (beginning, schedule) = parseBeginnings(reader, secondPerson: secondPerson)
        guard let name, let version, let title, let outcome else { return nil }
        var made = definition(
            name: name, version: version, title: title, outcomes: outcomes, outcome: outcome, output: output, chain: chain,
            duties: duties)
        made.secondPerson = secondPerson
        made.beginning = beginning
        made.schedule = schedule
        return made
    }

    private mutating func parseSecondPerson(_ reader: AssetReader) -> Set<String> {
        let asked = reader.texts("secondPerson", upTo: WorkflowDefinition.operations.count, issues: &issues)
        for name in asked where !WorkflowDefinition.operations.contains(name) {
            issues.append(
                AssetIssue(
                    "/secondPerson", "'\(name)' is nothing that is done to a run from outside.",
                    remedy: "Name some of \(WorkflowDefinition.operations.joined(separator: ", "))."))
        }
        return Set(asked)
    }

    /// The steps of the outermost list, their jumps, and what is to be said about the flow.
    mutating func parseSteps(_ reader: AssetReader, title: String) -> Bool {
        guard reader.object["do"] != nil else {
            reader.missing("do", issues: &issues)
            return false
        }
        _ = open(name: "", path: "", title: title, isTitled: false, parent: nil, pointer: "")
        nodes[0].timeout = timeout(of: reader)
        nodes[0].action = .sequence(list("do", of: reader, parent: 0, depth: 1))
        resolveJumps()
        issues.append(contentsOf: FlowCheck(nodes: nodes).issues())
        return true
    }

    func definition(
        name: String, version: String, title: String, outcomes: [String], outcome: CompiledExpression?, output: Template?,
        chain: [(duty: String, person: Template)], duties: String?
    ) -> WorkflowDefinition {
        WorkflowDefinition(
            name: name, version: version, title: title, policies: policies.sorted(), connections: connections.sorted(),
            outcomes: outcomes, objectives: Set(nodes.flatMap { $0.onEnter + $0.onExit }.map(\.objective)).sorted(),
            roles: roles.sorted(), workflows: workflows, steps: outline(of: 0), nodes: nodes,
            idByPath: Dictionary(nodes.map { ($0.path, $0.id) }, uniquingKeysWith: { first, _ in first }), flow: flow,
            outcome: outcome, output: output, chain: chain, duties: duties, hasLocals: hasLocals,
            listens: nodes.contains { if case .listen = $0.action { true } else { false } })
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

    mutating func open(name: String, path: String, title: String, isTitled: Bool, parent: Int?, pointer: String) -> Int {
        nodes.append(
            StepNode(
                id: nodes.count, name: name, path: path, title: title, isTitled: isTitled, parent: parent, pointer: pointer,
                action: .sequence([])))
        return nodes.count - 1
    }

    /// A list of steps below a step, such as the body of a `try`, under a name of its own.
    mutating func inner(_ name: String, title: String, of id: Int, pointer: String) -> Int {
        open(name: name, path: "\(nodes[id].path)/\(name)", title: title, isTitled: false, parent: id, pointer: pointer)
    }

    /// Reads what stands inside steps that give names to those inside them.
    mutating func naming<Value>(_ names: [String], at pointer: String, _ read: (inout DefinitionParser) -> Value) -> Value {
        let before = locals
        for name in names {
            if DefinitionParser.isVariable(name), !flow.names.contains(name), name != "output" {
                locals.removeAll { $0 == name }
                locals.append(name)
                hasLocals = true
            } else {
                issues.append(
                    AssetIssue(
                        pointer, "`\(name.prefix(60))` cannot be the name of a value here.",
                        remedy: "Use letters, digits and underscores, and none of: \(flow.names.joined(separator: ", "))."))
            }
        }
        defer { locals = before }
        return read(&self)
    }

    /// A name that an expression can use.
    static func isVariable(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        func isLetter(_ byte: UInt8) -> Bool {
            (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z") || byte == UInt8(ascii: "_")
        }
        guard let first = bytes.first, bytes.count <= 63, isLetter(first), !reservedWords.contains(text) else { return false }
        return bytes.allSatisfy { isLetter($0) || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")) }
    }

    /// Words that CEL keeps for itself.
    private static let reservedWords: Set<String> = [
        "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "package",
        "namespace", "null", "return", "true", "var", "void", "while",
    ]

    /// Names of steps: those of assets, and in plain Serverless Workflow whatever is made of letters, digits, `-` and `_`.
    private func isStepName(_ text: String) -> Bool {
        if flow == .context { return AssetReader.isName(text) }
        return !text.isEmpty && text.utf8.count <= 63
            && text.utf8.allSatisfy {
                ($0 | 0x20) >= UInt8(ascii: "a") && ($0 | 0x20) <= UInt8(ascii: "z")
                    || $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
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
        guard isStepName(member.key) else {
            issues.append(AssetReader.badName(member.key, at: at))
            return nil
        }
        guard let task = AssetReader(member.value, at: at, what, issues: &issues) else { return nil }
        return (member.key, task)
    }

    mutating func step(_ json: JSONValue, _ pointer: String, parent: Int, siblings: [Int], depth: Int) -> Int? {
        guard let (name, task) = named(json, pointer, "step") else { return nil }
        guard nodes.count < RunBounds.stepsMax else {
            issues.append(AssetIssue(pointer, "A workflow may have \(RunBounds.stepsMax) steps.", remedy: "Split it."))
            return nil
        }
        if siblings.contains(where: { nodes[$0].name == name }) || ["continue", "exit", "end"].contains(name) {
            issues.append(AssetIssue(task.pointer, "The name `\(name)` is taken in this list.", remedy: "Choose another name."))
            return nil
        }
        let kinds = kinds(of: task)
        guard kinds.count == 1 else {
            task.close(taskKinds + commonMembers, issues: &issues)
            issues.append(
                AssetIssue(
                    task.pointer,
                    kinds.isEmpty ? "The step does nothing." : "The step does two things: \(kinds.joined(separator: " and ")).",
                    remedy: "Give it exactly one of: \(taskKinds.joined(separator: ", "))."))
            return nil
        }
        let title = task.optionalText("title", issues: &issues)
        let prefix = nodes[parent].path
        let id = open(
            name: name, path: prefix.isEmpty ? name : "\(prefix)/\(name)", title: title ?? DefinitionParser.spoken(name),
            isTitled: title != nil, parent: parent, pointer: task.pointer)
        common(task, id)
        nodes[id].action = action(kinds[0], task, id, depth: depth) ?? .sequence([])
        compensation(task, id, depth: depth)
        return id
    }

    /// What the step does. A `for` has a `do` of its own.
    private func kinds(of task: AssetReader) -> [String] {
        let named = taskKinds.filter { task.object[$0] != nil }
        return named.contains("for") ? named.filter { $0 != "do" } : named
    }

    private mutating func compensation(_ task: AssetReader, _ id: Int, depth: Int) {
        guard flow == .context, task.object["compensate"] != nil else { return }
        let body = inner("compensate", title: "Undo: \(nodes[id].title)", of: id, pointer: task.path("compensate"))
        nodes[body].isCompensation = true
        let children = naming(["given"], at: task.path("compensate")) { parser in
            parser.list("compensate", of: task, parent: body, depth: depth + 1)
        }
        nodes[body].action = .sequence(children)
        nodes[id].compensation = body
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
            nodes[id].outputAs = mapping("as", of: output, in: outputScope)
        }
        if flow == .document { documentMembers(task, id) }
        nodes[id].timeout = timeout(of: task)
        if flow == .context, let json = task.object["export"],
            let exports = AssetReader(json, at: task.path("export"), "export", issues: &issues)
        {
            if exports.object.count > RunBounds.exportsMax {
                issues.append(
                    AssetIssue(exports.pointer, "A step exports at most \(RunBounds.exportsMax) values.", remedy: "Export fewer.")
                )
            }
            for key in exports.object.keys {
                guard let value = expression(key, of: exports, isRequired: true, in: outputScope) else {
                    continue
                }
                nodes[id].exports.append((name: key, expression: value))
            }
        }
        if let then = task.optionalText("then", issues: &issues) {
            nodes[id].then = directive(then, node: id, caseIndex: nil, pointer: task.path("then"))
        }
        guard flow == .context, let json = task.object["measure"],
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
        _ member: String, of reader: AssetReader, isRequired: Bool, in chosen: ExpressionScope? = nil
    ) -> CompiledExpression? {
        let scope = chosen ?? scope
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

    /// A value made from others: a text is an expression with or without its `${ }`, anything else holds some.
    mutating func mapping(_ member: String, of reader: AssetReader, in chosen: ExpressionScope? = nil) -> Template? {
        switch reader.object[member] {
        case nil:
            reader.missing(member, issues: &issues)
            return nil
        case .string?: return expression(member, of: reader, isRequired: true, in: chosen).map { .expression($0) }
        case .some(let json):
            return Template.parse(json, in: chosen ?? scope, at: reader.path(member), issues: &issues)
        }
    }

    private mutating func compile(_ text: String, in scope: ExpressionScope, at pointer: String) -> CompiledExpression? {
        CompiledExpression.compile(text, in: scope, pointer: pointer, issues: &issues)
    }

    mutating func template(_ member: String, of reader: AssetReader, isRequired: Bool) -> Template? {
        guard let json = reader.object[member] else {
            if isRequired { reader.missing(member, issues: &issues) }
            return nil
        }
        return Template.parse(json, in: scope, at: reader.path(member), issues: &issues)
    }
}
