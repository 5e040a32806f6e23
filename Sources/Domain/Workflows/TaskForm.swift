package import Kernel
import Policies

/// What a person fills in to answer a task: typed fields, in a small part of JSON Schema.
///
/// The same rules judge what comes from a page, from a program and from the terminal; a page shows each problem beside its field.
package struct TaskForm: Sendable, Equatable {
    package static let fieldsMax = 20
    package static let textScalarsMax = 2000
    package static let choicesMax = 50

    package enum Kind: String, Sendable { case text, date, decimal, choice, integer, boolean }

    package struct Field: Sendable, Equatable {
        package let name: String
        package let title: String
        /// A sentence beside the field; empty when it needs none.
        package let help: String
        package let kind: Kind
        package let isRequired: Bool
        /// Unicode scalars of a text.
        package let length: ClosedRange<Int>
        /// Bounds of a whole number.
        package let range: ClosedRange<Int>
        package let choices: [String]
    }

    package struct Problem: Sendable, Equatable {
        /// Empty for the form as a whole.
        package let field: String
        package let message: String
    }

    package let fields: [Field]
    /// As its author wrote it, so that it is stored and shown to programs unchanged.
    package let json: JSONValue

    // MARK: Reading

    /// Reads `{properties: {name: {type, title, …}}, required: […]}`; nil only when it is unusable.
    static func parse(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> TaskForm? {
        guard let reader = AssetReader(json, at: pointer, "form", issues: &issues) else { return nil }
        reader.close(["properties", "required"], issues: &issues)
        let required = reader.texts("required", upTo: fieldsMax, issues: &issues)
        guard let written = reader.object["properties"] else {
            reader.missing("properties", issues: &issues)
            return nil
        }
        guard let properties = AssetReader(written, at: reader.path("properties"), "list of fields", issues: &issues) else {
            return nil
        }
        if properties.object.isEmpty || properties.object.count > fieldsMax {
            issues.append(
                AssetIssue(properties.pointer, "A form has 1 to \(fieldsMax) fields.", remedy: "Ask for what is needed only."))
        }
        for (index, name) in required.enumerated() where properties.object[name] == nil {
            issues.append(
                AssetIssue(
                    "\(reader.path("required"))/\(index)", "The form has no field `\(name.prefix(60))`.",
                    remedy: AssetReader.nearest(to: name, among: properties.object.keys).map { "Did you mean `\($0)`?" }
                        ?? "Name one of its `properties`."))
        }
        let fields = properties.object.members.prefix(fieldsMax).compactMap { member in
            field(member.key, member.value, at: properties.path(member.key), required.contains(member.key), issues: &issues)
        }
        return TaskForm(fields: fields, json: json)
    }

    private static func field(
        _ name: String, _ json: JSONValue, at pointer: String, _ isRequired: Bool, issues: inout [AssetIssue]
    ) -> Field? {
        guard DefinitionParser.isVariable(name) else {
            issues.append(
                AssetIssue(
                    pointer, "`\(name.prefix(60))` cannot be the name of a field.",
                    remedy: "Use letters, digits and underscores, with a letter first."))
            return nil
        }
        guard let reader = AssetReader(json, at: pointer, "field", issues: &issues),
            let type = reader.text("type", issues: &issues)
        else { return nil }
        let format = reader.optionalText("format", issues: &issues)
        let choices = reader.texts("enum", upTo: choicesMax, issues: &issues)
        var members = ["type", "title", "description"]
        let kind: Kind
        switch (type, format) {
        case ("string", "date"?): kind = .date
        case ("string", "decimal"?): kind = .decimal
        case ("string", nil): kind = reader.object["enum"] == nil ? .text : .choice
        case ("integer", nil): kind = .integer
        case ("boolean", nil): kind = .boolean
        default:
            issues.append(
                AssetIssue(
                    reader.path(format == nil ? "type" : "format"),
                    "A field is a string (plain, `format: date` or `format: decimal`, or with `enum`), an integer or a boolean.",
                    remedy: "Write one of them; amounts are `type: string` with `format: decimal`."))
            return nil
        }
        switch kind {
        case .text: members += ["minLength", "maxLength"]
        case .choice: members += ["enum"]
        case .date, .decimal: members += ["format"]
        case .integer: members += ["minimum", "maximum"]
        case .boolean: break
        }
        reader.close(members, issues: &issues)
        if kind == .choice, choices.isEmpty {
            issues.append(AssetIssue(reader.path("enum"), "There is nothing to choose from.", remedy: "List the values."))
        }
        func bound(_ member: String, _ range: ClosedRange<Int>, _ otherwise: Int) -> Int {
            reader.object[member] == nil ? otherwise : reader.int(member, in: range, otherwise: nil, issues: &issues) ?? otherwise
        }
        let whole = Int(Int32.min)...Int(Int32.max)
        let (least, most) = (bound("minLength", 0...textScalarsMax, 0), bound("maxLength", 1...textScalarsMax, 500))
        let (low, high) = (bound("minimum", whole, whole.lowerBound), bound("maximum", whole, whole.upperBound))
        if least > most || low > high {
            issues.append(AssetIssue(pointer, "The least is above the most.", remedy: "Exchange them."))
        }
        return Field(
            name: name, title: reader.optionalText("title", issues: &issues) ?? DefinitionParser.spoken(name),
            help: reader.optionalText("description", issues: &issues) ?? "", kind: kind, isRequired: isRequired,
            length: least...max(least, most), range: low...max(low, high), choices: choices)
    }

    // MARK: Judging

    /// Everything that is wrong with what was filled in; empty when nothing is.
    package func problems(in values: JSONValue) -> [Problem] {
        guard case .object(let object) = values else {
            return [Problem(field: "", message: "The form is filled in as an object.")]
        }
        var out: [Problem] = []
        for key in object.keys where !fields.contains(where: { $0.name == key }) {
            out.append(Problem(field: key, message: "The form has no such field."))
        }
        for field in fields {
            let value = object[field.name] ?? .null
            if value == .null || value == .string("") {
                if field.isRequired { out.append(Problem(field: field.name, message: "\(field.title) is missing.")) }
            } else if let message = field.problem(with: value) {
                out.append(Problem(field: field.name, message: message))
            }
        }
        return out
    }

    /// What a page's texts say, by the kinds of the fields; a text that says nothing of its kind stays one, and is a problem.
    package func values(entered texts: [String: String]) -> JSONValue {
        var out = JSONObject()
        for field in fields {
            let text = texts[field.name] ?? ""
            switch field.kind {
            case .boolean: out[field.name] = .bool(text == "true")
            case .integer where !text.isEmpty: out[field.name] = Int(text).map { JSONValue($0) } ?? .string(text)
            case .text, .date, .decimal, .choice, .integer: if !text.isEmpty { out[field.name] = .string(text) }
            }
        }
        return .object(out)
    }
}

extension TaskForm.Field {
    fileprivate func problem(with value: JSONValue) -> String? {
        switch (kind, value) {
        case (.text, .string(let text)):
            return length.contains(text.unicodeScalars.count)
                ? nil : "\(title) has to have \(length.lowerBound) to \(length.upperBound) characters."
        case (.date, .string(let text)):
            return CivilDate(text) == nil ? "\(title) has to be a date, such as 2026-03-31." : nil
        case (.decimal, .string(let text)):
            return text.utf8.count > 40 || ExactDecimal(text) == nil ? "\(title) has to be a number, such as 1250.00." : nil
        case (.choice, .string(let text)):
            return choices.contains(text) ? nil : "\(title) has to be one of: \(choices.joined(separator: ", "))."
        case (.integer, .number(let number)):
            guard let whole = JSONValue.number(number).int, range.contains(whole) else {
                return "\(title) has to be a whole number from \(range.lowerBound) to \(range.upperBound)."
            }
            return nil
        case (.boolean, .bool): return nil
        case (.integer, _): return "\(title) has to be a whole number."
        case (.boolean, _): return "\(title) is either true or false."
        default: return "\(title) has to be written as a text."
        }
    }
}

extension RunPass {
    /// What was filled in, after it was judged; null for an answer that takes no form.
    func filled(_ form: TaskForm?, _ resolution: Resolution, _ decision: PersonDecision) throws(Refusal) -> JSONValue {
        guard let form, resolution.takesForm else {
            guard decision.values == nil || decision.values == .object(JSONObject()) else {
                throw Refusal(.invalid, reason: "request.form", "This answer takes no form.", facts: ["field": "values"])
            }
            return .null
        }
        let values = decision.values ?? .object(JSONObject())
        let problems = form.problems(in: values)
        guard problems.isEmpty else {
            var facts = ["field": problems[0].field.isEmpty ? "values" : "values.\(problems[0].field)"]
            for problem in problems where !problem.field.isEmpty { facts["values.\(problem.field)"] = problem.message }
            throw Refusal(
                .unprocessable, reason: "request.form", problems.prefix(5).map(\.message).joined(separator: " "), facts: facts)
        }
        return values
    }
}
