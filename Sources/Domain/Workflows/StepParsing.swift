import Expressions
import Kernel
import Policies

/// The kinds of steps.
extension DefinitionParser {
    mutating func action(_ kind: String, _ task: AssetReader, _ id: Int, depth: Int) -> StepAction? {
        let members = DefinitionParser.commonMembers
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
        case "fork":
            task.close(members + ["fork"], issues: &issues)
            return forkAction(task, id, depth: depth)
        case "try":
            task.close(members + ["try", "catch"], issues: &issues)
            return tryAction(task, id, depth: depth)
        case "raise":
            task.close(members + ["raise"], issues: &issues)
            return raiseAction(task)
        default:
            task.close(members + ["wait"], issues: &issues)
            return waitAction(task)
        }
    }

    private mutating func setAction(_ task: AssetReader) -> StepAction? {
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
        fork.close(["branches", "onError"], issues: &issues)
        let onError = fork.optionalText("onError", issues: &issues) ?? "cancel"
        if onError != "cancel", onError != "wait" {
            issues.append(AssetIssue(fork.path("onError"), "`onError` is cancel or wait.", remedy: "Write `cancel` or `wait`."))
        }
        var branches: [Int] = []
        for item in fork.list("branches", upTo: RunBounds.branchesMax, isRequired: true, issues: &issues) {
            guard let (name, content) = named(item.value, item.pointer, "branch") else { continue }
            content.close(["title", "do"], issues: &issues)
            let title = content.optionalText("title", issues: &issues)
            let branch = open(
                name: name, path: "\(nodes[id].path)/\(name)", title: title ?? DefinitionParser.spoken(name),
                isTitled: title != nil,
                parent: id)
            nodes[branch].action = .sequence(list("do", of: content, parent: branch, depth: depth + 1))
            branches.append(branch)
        }
        return .fork(branches, waitsForAll: onError == "wait")
    }

    private mutating func tryAction(_ task: AssetReader, _ id: Int, depth: Int) -> StepAction? {
        let body = open(name: "try", path: "\(nodes[id].path)/try", title: nodes[id].title, isTitled: false, parent: id)
        nodes[body].action = .sequence(list("try", of: task, parent: body, depth: depth + 1))
        let handler = open(name: "catch", path: "\(nodes[id].path)/catch", title: "When it fails", isTitled: false, parent: id)
        guard let json = task.object["catch"] else {
            task.missing("catch", issues: &issues)
            return nil
        }
        guard let content = AssetReader(json, at: task.path("catch"), "catch", issues: &issues) else { return nil }
        content.close(["errors", "as", "when", "do"], issues: &issues)
        var types: [String] = []
        var kinds: [StepError.Kind] = []
        if let json = content.object["errors"],
            let errors = AssetReader(json, at: content.path("errors"), "filter", issues: &issues)
        {
            errors.close(["types", "kinds"], issues: &issues)
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
        }
        let filter = ErrorFilter(types: types, kinds: kinds, when: expression("when", of: content, isRequired: false))
        nodes[handler].action = .sequence(list("do", of: content, parent: handler, depth: depth + 1))
        return .attempt(
            body: body, handler: handler, filter: filter, errorName: content.optionalText("as", issues: &issues) ?? "error")
    }

    private mutating func raiseAction(_ task: AssetReader) -> StepAction? {
        guard let json = task.object["raise"], let error = AssetReader(json, at: task.path("raise"), "error", issues: &issues)
        else { return nil }
        error.close(["type", "title", "detail"], issues: &issues)
        guard let type = template("type", of: error, isRequired: true), let title = template("title", of: error, isRequired: true)
        else {
            return nil
        }
        return .raise(type: type, title: title, detail: template("detail", of: error, isRequired: false) ?? .literal(""))
    }

    private mutating func waitAction(_ task: AssetReader) -> StepAction? {
        guard let json = task.object["wait"], let wait = AssetReader(json, at: task.path("wait"), "wait", issues: &issues) else {
            return nil
        }
        wait.close(["seconds", "serviceSeconds", "until"], issues: &issues)
        guard wait.object.count == 1 else {
            issues.append(
                AssetIssue(wait.pointer, "A wait names one time.", remedy: "Write `seconds`, `serviceSeconds` or `until`."))
            return nil
        }
        let range = 1...RunBounds.waitSecondsMax
        if wait.object["seconds"] != nil {
            return wait.int("seconds", in: range, otherwise: nil, issues: &issues).map { .wait(.seconds(Int64($0))) }
        }
        if wait.object["serviceSeconds"] != nil {
            return wait.int("serviceSeconds", in: range, otherwise: nil, issues: &issues).map {
                .wait(.serviceSeconds(Int64($0)))
            }
        }
        return template("until", of: wait, isRequired: true).map { .wait(.until($0)) }
    }
}
