import Expressions
import Kernel
import Policies

/// The kinds of steps.
extension DefinitionParser {
    mutating func action(_ kind: String, _ task: AssetReader, _ id: Int, depth: Int) -> StepAction? {
        let members = commonMembers
        switch kind {
        case "set":
            task.close(members + ["set"], issues: &issues)
            return setAction(task)
        case "switch":
            task.close(members + ["switch"], issues: &issues)
            return switchAction(task, id)
        case "do":
            task.close(members + ["do"], issues: &issues)
            return .sequence(list("do", of: task, parent: id, depth: depth + 1))
        case "call": return callAction(task, id)
        case "for":
            task.close(members + ["for", "while", "do"], issues: &issues)
            return loopAction(task, id, depth: depth)
        case "fork":
            task.close(members + ["fork"], issues: &issues)
            return forkAction(task, id, depth: depth)
        case "try":
            task.close(members + ["try", "catch"], issues: &issues)
            return tryAction(task, id, depth: depth)
        case "raise":
            task.close(members + ["raise"], issues: &issues)
            return raiseAction(task)
        case "run":
            task.close(members + ["run"], issues: &issues)
            return subworkflowAction(task)
        case "emit":
            task.close(members + ["emit"], issues: &issues)
            return emitAction(task)
        case "listen":
            task.close(members + ["listen"], issues: &issues)
            return listenAction(task)
        default:
            task.close(members + ["wait"], issues: &issues)
            return waitRule("wait", of: task).map { .wait($0) }
        }
    }

    private mutating func setAction(_ task: AssetReader) -> StepAction? {
        if flow == .document { return mapping("set", of: task).map { .give($0) } }
        guard let json = task.object["set"], let values = AssetReader(json, at: task.path("set"), "set", issues: &issues) else {
            return nil
        }
        return .set(
            values.object.keys.compactMap { key in template(key, of: values, isRequired: true).map { (name: key, value: $0) } })
    }

    private mutating func switchAction(_ task: AssetReader, _ id: Int) -> StepAction? {
        var cases: [SwitchCase] = []
        for item in task.list("switch", upTo: RunBounds.casesMax, isRequired: true, issues: &issues) {
            guard let (name, content) = named(item.value, item.pointer, "case") else { continue }
            content.close(["when", "then"], issues: &issues)
            let when = expression("when", of: content, isRequired: false)
            if when == nil, content.object["when"] == nil, cases.contains(where: { $0.when == nil }) {
                issues.append(AssetIssue(content.pointer, "A second case without `when`.", remedy: "Keep one default case."))
            }
            guard let then = content.text("then", issues: &issues) else { continue }
            cases.append(
                SwitchCase(
                    name: name, when: when, then: directive(then, node: id, caseIndex: cases.count, pointer: content.path("then"))
                ))
        }
        return .choose(cases)
    }

    private mutating func forkAction(_ task: AssetReader, _ id: Int, depth: Int) -> StepAction? {
        guard let json = task.object["fork"], let fork = AssetReader(json, at: task.path("fork"), "fork", issues: &issues) else {
            return nil
        }
        fork.close(["branches", "compete"] + (flow == .context ? ["onError"] : []), issues: &issues)
        let waits = waitsForAll(fork)
        let competes = fork.bool("compete", otherwise: false, issues: &issues)
        var branches: [Int] = []
        for item in fork.list("branches", upTo: RunBounds.branchesMax, isRequired: true, issues: &issues) {
            // A branch is a step like any other; most are a `do`.
            if let branch = step(item.value, item.pointer, parent: id, siblings: branches, depth: depth + 1) {
                branches.append(branch)
            }
        }
        if branches.isEmpty {
            issues.append(AssetIssue(fork.pointer, "The fork has no branch.", remedy: "Add one under `branches`."))
        }
        return .fork(ForkRule(branches: branches, waitsForAll: waits, competes: competes))
    }

    private mutating func waitsForAll(_ reader: AssetReader) -> Bool {
        let onError = reader.optionalText("onError", issues: &issues) ?? "cancel"
        if onError != "cancel", onError != "wait" {
            issues.append(AssetIssue(reader.path("onError"), "`onError` is cancel or wait.", remedy: "Write `cancel` or `wait`."))
        }
        return onError == "wait"
    }

    private mutating func loopAction(_ task: AssetReader, _ id: Int, depth: Int) -> StepAction? {
        guard let json = task.object["for"], let loop = AssetReader(json, at: task.path("for"), "for", issues: &issues) else {
            return nil
        }
        loop.close(["each", "in", "at"] + (flow == .context ? ["parallel", "onError"] : []), issues: &issues)
        let each = loop.optionalText("each", issues: &issues) ?? "item"
        let at = loop.optionalText("at", issues: &issues) ?? "index"
        if each == at {
            issues.append(AssetIssue(loop.path("at"), "The item and its place have one name.", remedy: "Rename one of them."))
        }
        let items = mapping("in", of: loop)
        let open = loop.int("parallel", in: 1...RunBounds.loopTurnsOpenMax, otherwise: 1, issues: &issues) ?? 1
        let waits = waitsForAll(loop)
        let body = inner("do", title: nodes[id].title, of: id, pointer: task.path("do"))
        let (whileHolds, children) = naming([each, at], at: loop.pointer) { parser in
            (
                parser.expression("while", of: task, isRequired: false),
                parser.list("do", of: task, parent: body, depth: depth + 1)
            )
        }
        nodes[body].action = .sequence(children)
        if open > 1, whileHolds != nil {
            issues.append(
                AssetIssue(
                    task.path("while"), "Turns side by side cannot ask after each other.",
                    remedy: "Remove `while`, or `parallel`."))
        }
        guard let items else { return nil }
        return .loop(
            LoopRule(
                body: body, items: items, each: each, at: at, whileHolds: whileHolds, turnsOpenMax: open, waitsForAll: waits))
    }

    private mutating func tryAction(_ task: AssetReader, _ id: Int, depth: Int) -> StepAction? {
        let body = inner("try", title: nodes[id].title, of: id, pointer: task.path("try"))
        nodes[body].action = .sequence(list("try", of: task, parent: body, depth: depth + 1))
        guard let json = task.object["catch"] else {
            task.missing("catch", issues: &issues)
            return nil
        }
        guard let content = AssetReader(json, at: task.path("catch"), "catch", issues: &issues) else { return nil }
        content.close(
            ["errors", "as", "when", "exceptWhen", "retry", "do"] + (flow == .context ? ["compensate"] : []), issues: &issues)
        let name = content.optionalText("as", issues: &issues) ?? "error"
        // In the context flow the error is a value of the context, in the document flow a name of its own.
        let names = flow == .context ? [] : [name]
        let (filter, retry) = naming(names, at: content.path("as")) { parser in
            (parser.filter(of: content), parser.retryRule(of: content))
        }
        let undoes = content.bool("compensate", otherwise: false, issues: &issues)
        var handler: Int?
        if content.object["do"] != nil || flow == .context && retry == nil && !undoes {
            let place = inner("catch", title: "When it fails", of: id, pointer: content.pointer)
            let children = naming(names, at: content.path("as")) { parser in
                parser.list("do", of: content, parent: place, depth: depth + 1)
            }
            nodes[place].action = .sequence(children)
            handler = place
        }
        return .attempt(
            AttemptRule(body: body, handler: handler, filter: filter, errorName: name, retry: retry, undoes: undoes))
    }

    private mutating func filter(of content: AssetReader) -> ErrorFilter {
        var types: [String] = []
        var kinds: [StepError.Kind] = []
        var members: [(name: String, value: JSONValue)] = []
        if let json = content.object["errors"],
            let errors = AssetReader(json, at: content.path("errors"), "filter", issues: &issues)
        {
            errors.close((flow == .context ? ["types", "kinds"] : []) + ["with"], issues: &issues)
            types = errors.texts("types", upTo: 50, issues: &issues)
            for kind in errors.texts("kinds", upTo: 10, issues: &issues) {
                guard let known = StepError.Kind(rawValue: kind) else {
                    let all = StepError.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                    issues.append(
                        AssetIssue(errors.path("kinds"), "There is no kind of error `\(kind)`.", remedy: "Use: \(all)."))
                    continue
                }
                kinds.append(known)
            }
            if let json = errors.object["with"],
                let with = AssetReader(json, at: errors.path("with"), "filter", issues: &issues)
            {
                with.close(["type", "status", "instance", "title", "detail"], issues: &issues)
                members = with.object.members.map { (name: $0.key, value: $0.value) }
            }
        }
        return ErrorFilter(
            types: types, kinds: kinds, members: members, when: expression("when", of: content, isRequired: false),
            exceptWhen: expression("exceptWhen", of: content, isRequired: false))
    }

    private mutating func raiseAction(_ task: AssetReader) -> StepAction? {
        guard let json = task.object["raise"], let raise = AssetReader(json, at: task.path("raise"), "error", issues: &issues)
        else { return nil }
        var error = raise
        if let inside = raise.object["error"] {
            raise.close(["error"], issues: &issues)
            let pointer = raise.path("error")
            var given = inside
            if case .string(let name) = inside {
                guard let known = namedErrors[name] else {
                    issues.append(
                        AssetIssue(pointer, "No error is named `\(name.prefix(60))`.", remedy: "Write it under `use/errors`."))
                    return nil
                }
                given = known
            }
            guard let reader = AssetReader(given, at: pointer, "error", issues: &issues) else { return nil }
            error = reader
        }
        error.close(["type", "title", "detail", "status"] + (flow == .document ? ["instance"] : []), issues: &issues)
        guard let type = template("type", of: error, isRequired: true),
            let title = flow == .context
                ? template("title", of: error, isRequired: true)
                : template("title", of: error, isRequired: false) ?? .literal("")
        else { return nil }
        return .raise(
            ErrorRule(
                type: type, title: title, detail: template("detail", of: error, isRequired: false) ?? .literal(""),
                status: template("status", of: error, isRequired: flow == .document)))
    }
}
