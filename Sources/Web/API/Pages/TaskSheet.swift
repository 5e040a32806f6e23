internal import Console
internal import Kernel
internal import Records
internal import WebKernel
internal import Workflows

/// The form of a task as a page shows it: what was filled in, and what is wrong with it.
struct TaskSheet: Sendable {
    private static let prefix = "value."

    let form: TaskForm?
    let entered: [String: String]
    let verdict: String?
    let reason: String
    let problems: [TaskForm.Problem]
    /// What is sent to the run; nil when the answer takes no form.
    let values: JSONValue?

    /// As it is first shown.
    init(_ task: TaskRow) {
        form = TaskSheet.form(of: task)
        entered = [:]
        verdict = nil
        reason = ""
        problems = []
        values = nil
    }

    /// As it came back from a browser.
    init(_ task: TaskRow, _ fields: FormFields) {
        let form = TaskSheet.form(of: task)
        let verdict = fields["verdict"]
        let resolution = (task.request["resolutions"]?.array ?? []).first { $0["name"]?.string == verdict }
        let takesForm = form != nil && resolution?["takesForm"]?.bool ?? true
        var entered: [String: String] = [:]
        for pair in fields.pairs where pair.name.hasPrefix(TaskSheet.prefix) {
            entered[String(pair.name.dropFirst(TaskSheet.prefix.count))] = pair.value
        }
        self.form = form
        self.entered = entered
        self.verdict = verdict
        reason = fields["reason"] ?? ""
        let values = takesForm ? form?.values(entered: entered) : nil
        self.values = values
        problems = values.flatMap { form?.problems(in: $0) } ?? []
    }

    private static func form(of task: TaskRow) -> TaskForm? {
        // The engine wrote the request; one of an older shape has no form.
        (try? HumanRequest(json: task.request))?.form
    }

    var fields: [ExceptionCard.Field] {
        (form?.fields ?? []).map { field in
            let text = entered[field.name] ?? ""
            return ExceptionCard.Field(
                name: TaskSheet.prefix + field.name, label: field.title, help: field.help,
                control: TaskSheet.control(field), value: text, isOn: text == "true",
                choices: field.choices.map { ExceptionCard.Field.Choice(value: $0, isChosen: $0 == text) },
                lengthMax: "\(field.length.upperBound)", isRequired: field.isRequired,
                problem: problems.first { $0.field == field.name }?.message ?? "")
        }
    }

    private static func control(_ field: TaskForm.Field) -> ExceptionCard.Field.Control {
        switch field.kind {
        case .text: field.length.upperBound > 200 ? .paragraph : .line
        case .decimal: .decimal
        case .integer: .integer
        case .date: .date
        case .choice: .choice
        case .boolean: .check
        }
    }

    /// What a task is about, line by line.
    static func facts(_ object: JSONValue) -> [Fact] {
        (object.object ?? [:]).members.prefix(30).compactMap { member in
            SheetParts.text(member.value).map { Fact(label: SheetParts.fieldWords(member.key), value: $0) }
        }
    }
}
