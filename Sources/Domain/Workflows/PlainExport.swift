package import Kernel
import Policies

/// Writes a definition as plain Serverless Workflow 1.0 with CEL expressions, when plain Serverless Workflow can say all of it.
///
/// In the plain form a document travels from step to step, and here the run's input stays. So every step asks for that input
/// first (`input.from`), what a step keeps is merged into the context (`export.as`), and the outcome is a last step. What is
/// written is read back by the parser of plain documents before it is given out.
package struct PlainExport {
    private var issues: [AssetIssue] = []

    private static let wholeInput: JSONValue = ["from": "${ workflow.input }"]

    /// Nil, with issues, when the definition says more than the plain language can.
    package static func plain(_ json: JSONValue, issues: inout [AssetIssue]) -> JSONValue? {
        if json["document"] != nil { return json }
        var export = PlainExport()
        let plain = export.document(json)
        if export.issues.isEmpty {
            _ = WorkflowDefinition.parse(plain, issues: &export.issues)
        }
        issues += export.issues
        guard export.issues.isEmpty else { return nil }
        return plain
    }

    private mutating func refuse(_ pointer: String, _ member: String, _ what: String) {
        issues.append(
            AssetIssue(
                "\(pointer)/\(member)", "Plain Serverless Workflow cannot say \(what).",
                remedy: "Leave it out of what is exported, or run the workflow here."))
    }

    private mutating func document(_ json: JSONValue) -> JSONValue {
        for (member, what) in [
            ("duties", "who may not decide together"), ("chain", "who did what before the run"),
            ("schedule", "which event begins a run in CEL, or a time with its zone and policies"),
        ]
        where json[member] != nil {
            refuse("", member, what)
        }
        let version = json["version"]?.string ?? ""
        let dots = version.split(separator: ".").count
        var head: JSONObject = [
            "dsl": "1.0.3", "namespace": "countersign", "name": json["name"] ?? .null,
            "version": .string(version + String(repeating: ".0", count: max(0, 3 - dots))),
        ]
        head["title"] = json["title"]
        head["summary"] = json["description"]
        var last: JSONObject = ["outcome": expression(json["outcome"] ?? .null)]
        for member in json["output"]?.object ?? [:] { last[member.key] = member.value }
        let steps = list(json["do"], at: "/do", isOutermost: true)
        var out: JSONObject = ["document": .object(head), "evaluate": ["language": "cel", "mode": "strict"]]
        if let timeout = json["timeout"] { out["timeout"] = self.timeout(timeout, at: "") }
        out["do"] = [
            ["steps": ["input": PlainExport.wholeInput, "do": steps]],
            ["outcome": ["input": PlainExport.wholeInput, "set": .object(last)]],
        ]
        return .object(out)
    }

    /// A text that is an expression, marked as one.
    private func expression(_ json: JSONValue) -> JSONValue {
        guard let text = json.string, !text.hasPrefix("${") else {
            if case .string = json { return json }
            return .string("${ \(json.text) }")
        }
        return .string("${ \(text) }")
    }

    private mutating func list(_ json: JSONValue?, at pointer: String, isOutermost: Bool = false) -> JSONValue {
        var out: [JSONValue] = []
        for (place, item) in (json?.array ?? []).enumerated() {
            guard let member = item.object?.members.first else { continue }
            let at = "\(pointer)/\(place)/\(AssetIssue.token(member.key))"
            out.append(.one(member.key, step(member.key, member.value, at: at, isOutermost: isOutermost)))
        }
        return .array(out)
    }

    private mutating func step(_ name: String, _ json: JSONValue, at pointer: String, isOutermost: Bool) -> JSONValue {
        for (member, what) in [
            ("measure", "which clocks a step moves"), ("deadlines", "what happens while people are waited for"),
            ("compensate", "how a step is undone"), ("idempotencyKey", "under which key a write happens once"),
            ("retry", "how often one call is attempted"), ("timeoutSeconds", "how long one attempt may take"),
        ] where json[member] != nil {
            refuse(pointer, member, what)
        }
        var out: JSONObject = ["input": PlainExport.wholeInput]
        if let title = json["title"] { out["metadata"] = ["title": title] }
        if let limit = json["timeout"] { out["timeout"] = timeout(limit, at: pointer) }
        body(json, at: pointer, into: &out)
        if let output = json["output"]?["as"] { out["output"] = ["as": expression(output)] }
        keep(json, into: &out)
        var then = json["then"]
        if then == "end" {
            if isOutermost { then = "exit" } else { refuse(pointer, "then", "that the outcome is still told after this end") }
        }
        guard let condition = json["if"] else {
            out["then"] = then
            return .object(out)
        }
        // A condition is asked before the step has its input, so the step stands in a list that has it already.
        var around: JSONObject = ["input": PlainExport.wholeInput]
        out["if"] = expression(condition)
        around["do"] = [.one(name, .object(out))]
        around["then"] = then
        return .object(around)
    }

    /// What `set` and `export` put into the context.
    private func keep(_ json: JSONValue, into out: inout JSONObject) {
        var context = "context"
        if json["set"] != nil { context = "merge(\(context), output)" }
        let exports = (json["export"]?.object ?? [:]).map { member in
            "'\(member.key)': \(inner(member.value))"
        }
        if !exports.isEmpty { context = "merge(\(context), {\(exports.joined(separator: ", "))})" }
        if context != "context" { out["export"] = ["as": .string("${ \(context) }")] }
    }

    private func inner(_ json: JSONValue) -> String {
        guard let text = json.string else { return json.text }
        return text.hasPrefix("${") && text.hasSuffix("}") ? String(text.dropFirst(2).dropLast()) : text
    }

    private mutating func body(_ json: JSONValue, at pointer: String, into out: inout JSONObject) {
        if json["emit"]?["kept"] != nil { refuse("\(pointer)/emit", "kept", "how long an event is kept") }
        for member in ["set", "emit", "call", "with"] where json[member] != nil { out[member] = json[member] }
        if let wait = json["wait"] { out["wait"] = time(wait, at: pointer, "wait") }
        if let error = json["raise"] {
            var members = error.object ?? [:]
            if members["status"] == nil { members["status"] = 500 }
            out["raise"] = ["error": .object(members)]
        }
        if let cases = json["switch"]?.array { out["switch"] = .array(cases.map { self.switchCase($0) }) }
        if let loop = json["for"]?.object {
            for member in ["parallel", "onError"] where loop[member] != nil {
                refuse("\(pointer)/for", member, "how turns run side by side")
            }
            var members = loop
            members["in"] = loop["in"].map { if case .string = $0 { expression($0) } else { $0 } }
            out["for"] = .object(members)
            out["while"] = json["while"].map(expression)
        }
        if json["do"] != nil { out["do"] = list(json["do"], at: "\(pointer)/do") }
        if let fork = json["fork"] {
            if fork["onError"] == "wait" { refuse("\(pointer)/fork", "onError", "that a failing branch lets the others finish") }
            var members: JSONObject = ["branches": list(fork["branches"], at: "\(pointer)/fork/branches")]
            members["compete"] = fork["compete"]
            out["fork"] = .object(members)
        }
        if let listen = json["listen"] {
            if listen["kept"] != nil { refuse("\(pointer)/listen", "kept", "how long events are kept") }
            if listen["consume"] != nil { refuse("\(pointer)/listen", "consume", "whether one run alone takes an event") }
            out["listen"] = listen
        }
        if json["run"] != nil { refuse(pointer, "run", "that a workflow of one version is waited for") }
        if json["try"] != nil {
            out["try"] = list(json["try"], at: "\(pointer)/try")
            out["catch"] = handler(json["catch"] ?? .null, at: "\(pointer)/catch")
        }
    }

    private func switchCase(_ json: JSONValue) -> JSONValue {
        guard let member = json.object?.members.first, case .object(var content) = member.value else { return json }
        content["when"] = content["when"].map(expression)
        return .one(member.key, .object(content))
    }

    private mutating func handler(_ json: JSONValue, at pointer: String) -> JSONValue {
        var out: JSONObject = [:]
        let name = json["as"]?.string ?? "error"
        if json["compensate"] != nil { refuse(pointer, "compensate", "that the body is undone") }
        if let errors = json["errors"] {
            let types = errors["types"]?.array ?? []
            if errors["kinds"] != nil || types.count > 1 {
                refuse(pointer, "errors", "more than one type of error in a filter, nor our kinds of errors")
            }
            var with = errors["with"]?.object ?? [:]
            if let type = types.first { with["type"] = type }
            out["errors"] = ["with": .object(with)]
        }
        out["as"] = .string(name)
        for member in ["when", "exceptWhen"] {
            // The caught error is a value of the context here, and a name of its own there.
            out[member] = json[member].map { .string("${ \(inner($0).replacing("context.\(name)", with: name)) }") }
        }
        out["retry"] = json["retry"]
        guard json["do"] != nil else { return .object(out) }
        let text = json["do"]?.text ?? ""
        for member in ["kind", "data", "step"] where text.contains("context.\(name).\(member)") {
            refuse(pointer, "do", "the `\(member)` of a caught error")
        }
        let keeps = JSONValue.one(
            "keep-\(name.lowercased())",
            [
                "input": PlainExport.wholeInput, "set": [:],
                "export": ["as": .string("${ merge(context, {'\(name)': \(name)}) }")],
            ])
        out["do"] = .array([keeps] + (list(json["do"], at: "\(pointer)/do").array ?? []))
        return .object(out)
    }

    private mutating func timeout(_ json: JSONValue, at pointer: String) -> JSONValue {
        let after = json["after"] ?? json
        return ["after": time(after, at: pointer, "timeout")]
    }

    private mutating func time(_ json: JSONValue, at pointer: String, _ member: String) -> JSONValue {
        if json["serviceSeconds"] != nil { refuse(pointer, member, "a time in service hours") }
        if json["until"] != nil { refuse(pointer, member, "an instant to wait for") }
        return json
    }
}

extension JSONValue {
    /// An object of one member.
    fileprivate static func one(_ key: String, _ value: JSONValue) -> JSONValue {
        .object(JSONObject([(key: key, value: value)]))
    }
}
