import Expressions
import Kernel
import Policies

/// The calls: what each takes in `with`, and which fields of the step it allows.
extension DefinitionParser {
    private enum CallName: String, CaseIterable {
        case policyDecide = "policy.decide"
        case match
        case humanApprove = "human.approve"
        case humanTask = "human.task"
        case exceptionOpen = "exception.open"
        case documentRead = "document.read"
        case erpRead = "erp.read"
        case erpWrite = "erp.write"
        case notify
        case paymentRelease = "payment.release"
    }

    mutating func callAction(_ task: AssetReader, _ id: Int) -> StepAction? {
        guard let call = task.choice("call", CallName.self, otherwise: nil, issues: &issues) else { return nil }
        guard let json = task.object["with"] else {
            task.missing("with", issues: &issues)
            return nil
        }
        guard let with = AssetReader(json, at: task.path("with"), "call", issues: &issues) else { return nil }
        let members = commonMembers + ["call", "with"]
        switch call {
        case .policyDecide:
            task.close(members, issues: &issues)
            with.close(["policy", "input"], issues: &issues)
            guard let policy = policy(of: with), let input = template("input", of: with, isRequired: true) else { return nil }
            return .decide(policy: policy, input: input)
        case .match:
            task.close(members, issues: &issues)
            with.close(["policy", "invoice", "order", "receipts", "subject"], issues: &issues)
            return matchAction(with)
        case .humanApprove, .humanTask, .exceptionOpen:
            task.close(members + ["deadlines"], issues: &issues)
            let deadlines = deadlines(of: task)
            switch call {
            case .humanApprove: return approveAction(with, deadlines)
            case .humanTask: return answerAction(with, deadlines, kind: .task)
            default: return answerAction(with, deadlines, kind: .exception)
            }
        case .documentRead: return workAction(task, with, .documentRead, ["document", "sha256", "fileName", "bytes"])
        case .erpRead: return workAction(task, with, .erpRead, ["object", "key"], optional: ["approved"])
        case .erpWrite:
            return workAction(
                task, with, .erpWrite, ["object", "key", "bill"], optional: ["confirmations", "accepted", "intent"])
        case .notify: return workAction(task, with, .notify, ["channel", "to", "subject", "text"])
        case .paymentRelease:
            task.close(members, issues: &issues)
            return releaseAction(with)
        }
    }

    /// What is recorded of a release: the bill, the amount, where the money goes, and the ERP's words as they were compared.
    private mutating func releaseAction(_ with: AssetReader) -> StepAction? {
        let names = ["externalId", "amount", "payTo", "fingerprint"]
        with.close(names, issues: &issues)
        var parts: [(key: String, value: Template)] = []
        for name in names {
            guard let part = template(name, of: with, isRequired: true) else { return nil }
            parts.append((key: name, value: part))
        }
        return .release(.object(parts))
    }

    private mutating func policy(of with: AssetReader) -> String? {
        guard let name = with.name("policy", issues: &issues) else { return nil }
        policies.insert(name)
        return name
    }

    private mutating func matchAction(_ with: AssetReader) -> StepAction? {
        guard let policy = policy(of: with) else { return nil }
        var parts: [(key: String, value: Template)] = []
        for name in ["invoice", "order", "receipts"] {
            guard let part = template(name, of: with, isRequired: true) else { return nil }
            parts.append((key: name, value: part))
        }
        if let subject = template("subject", of: with, isRequired: false) { parts.append((key: "subject", value: subject)) }
        return .match(policy: policy, input: .object(parts))
    }

    private mutating func workAction(
        _ task: AssetReader, _ with: AssetReader, _ kind: WorkRequest.Kind, _ required: [String],
        optional: [String] = []
    ) -> StepAction? {
        let needsConnection = kind == .erpRead || kind == .erpWrite
        task.close(
            commonMembers + ["call", "with", "retry", "timeoutSeconds"]
                + (kind.isWrite ? ["idempotencyKey"] : []),
            issues: &issues)
        with.close(required + optional + (needsConnection ? ["connection"] : []), issues: &issues)
        var connection = ""
        if needsConnection {
            connection = with.name("connection", issues: &issues) ?? ""
            if !connection.isEmpty { connections.insert(connection) }
        }
        var parts: [(key: String, value: Template)] = []
        for name in required {
            guard let part = template(name, of: with, isRequired: true) else { return nil }
            parts.append((key: name, value: part))
        }
        for name in optional {
            if let part = template(name, of: with, isRequired: false) { parts.append((key: name, value: part)) }
        }
        let timeout = task.int("timeoutSeconds", in: 1...600, otherwise: kind.isWrite ? 60 : 30, issues: &issues)
        return .work(
            WorkCall(
                kind: kind, connection: connection, input: .object(parts),
                idempotencyKey: template("idempotencyKey", of: task, isRequired: false), retry: retry(of: task),
                timeoutSeconds: timeout ?? 30))
    }

    private mutating func retry(of task: AssetReader) -> RetryPolicy {
        let standard = RetryPolicy.standard
        guard let json = task.object["retry"], let retry = AssetReader(json, at: task.path("retry"), "retry", issues: &issues)
        else {
            return standard
        }
        retry.close(["attempts", "initialSeconds", "factorPercent", "capSeconds", "jitterPercent"], issues: &issues)
        func number(_ name: String, _ range: ClosedRange<Int>, _ otherwise: Int) -> Int {
            retry.int(name, in: range, otherwise: otherwise, issues: &issues) ?? otherwise
        }
        return RetryPolicy(
            attemptsMax: number("attempts", 1...RetryPolicy.attemptsCeiling, standard.attemptsMax),
            initialSeconds: number("initialSeconds", 1...3600, standard.initialSeconds),
            factorPercent: number("factorPercent", 100...1000, standard.factorPercent),
            capSeconds: number("capSeconds", 1...86_400, standard.capSeconds),
            jitterPercent: number("jitterPercent", 0...100, standard.jitterPercent))
    }

    private mutating func approveAction(_ with: AssetReader, _ deadlines: [DeadlineRule]) -> StepAction? {
        with.close(["steps", "duty", "title", "object", "evidence", "riskClass"], issues: &issues)
        let duty = with.name("duty", issues: &issues)
        guard let rounds = template("steps", of: with, isRequired: true),
            let object = template("object", of: with, isRequired: true),
            let duty
        else { return nil }
        return .human(
            HumanCall(
                kind: .approval, rounds: rounds, duty: duty, code: nil, title: template("title", of: with, isRequired: false),
                object: object, evidence: template("evidence", of: with, isRequired: false) ?? .literal(.null),
                riskClass: template("riskClass", of: with, isRequired: false) ?? .literal("standard"), resolutions: [],
                deadlines: deadlines))
    }

    private mutating func answerAction(_ with: AssetReader, _ deadlines: [DeadlineRule], kind: HumanRequest.Kind) -> StepAction? {
        with.close(
            ["role", "title", "object", "evidence", "riskClass", "resolutions"]
                + (kind == .exception ? ["code"] : ["form", "quorum"]),
            issues: &issues)
        let role = with.name("role", issues: &issues)
        let code = kind == .exception ? template("code", of: with, isRequired: true) : nil
        let object = template("object", of: with, isRequired: true)
        let resolutions = resolutions(of: with, kind: kind)
        let form =
            kind == .task
            ? with.object["form"].flatMap { TaskForm.parse($0, at: with.path("form"), issues: &issues) } : nil
        let quorum =
            kind == .task ? with.int("quorum", in: 1...ApprovalStep.quorumMax, otherwise: 1, issues: &issues) ?? 1 : 1
        guard let role, let object, kind != .exception || code != nil else { return nil }
        roles.insert(role)
        let round: JSONValue = [
            "role": .string(role), "quorum": JSONValue(quorum), "label": .string(DefinitionParser.spoken(role)),
        ]
        return .human(
            HumanCall(
                kind: kind, rounds: .literal([round]), duty: nil, code: code,
                title: template("title", of: with, isRequired: false),
                object: object, evidence: template("evidence", of: with, isRequired: false) ?? .literal(.null),
                riskClass: template("riskClass", of: with, isRequired: false) ?? .literal("standard"), resolutions: resolutions,
                deadlines: deadlines, form: form))
    }

    private mutating func resolutions(of with: AssetReader, kind: HumanRequest.Kind) -> [Resolution] {
        var out: [Resolution] = []
        for item in with.list("resolutions", upTo: RunBounds.resolutionsMax, isRequired: true, issues: &issues) {
            guard let reader = AssetReader(item.value, at: item.pointer, "resolution", issues: &issues) else { continue }
            reader.close(
                ["name", "label", "consequence", "duty", "needsReason"] + (kind == .task ? ["takesForm"] : []), issues: &issues)
            let name = reader.name("name", issues: &issues)
            let label = reader.text("label", issues: &issues)
            let consequence = reader.text("consequence", issues: &issues)
            let duty = reader.object["duty"] == nil ? nil : reader.name("duty", issues: &issues)
            let needsReason = reader.bool("needsReason", otherwise: kind == .exception, issues: &issues)
            let takesForm = reader.bool("takesForm", otherwise: true, issues: &issues)
            guard let name, let label, let consequence else { continue }
            if out.contains(where: { $0.name == name }) {
                issues.append(
                    AssetIssue(reader.path("name"), "The resolution `\(name)` is offered twice.", remedy: "Remove one."))
            }
            out.append(
                Resolution(
                    name: name, label: label, consequence: consequence, duty: duty, needsReason: needsReason,
                    takesForm: takesForm))
        }
        return out
    }

    private mutating func deadlines(of task: AssetReader) -> [DeadlineRule] {
        var out: [DeadlineRule] = []
        for item in task.list("deadlines", upTo: RunBounds.deadlinesMax, isRequired: false, issues: &issues) {
            guard let reader = AssetReader(item.value, at: item.pointer, "deadline", issues: &issues) else { continue }
            reader.close(["name", "afterSeconds", "afterServiceSeconds", "action", "role"], issues: &issues)
            let name = reader.name("name", issues: &issues)
            let isServiceTime = reader.object["afterServiceSeconds"] != nil
            let seconds = reader.int(
                isServiceTime ? "afterServiceSeconds" : "afterSeconds", in: 1...RunBounds.waitSecondsMax, otherwise: nil,
                issues: &issues)
            let action = reader.text("action", issues: &issues)
            let role = reader.object["role"] == nil ? nil : reader.name("role", issues: &issues)
            if let role { roles.insert(role) }
            let act: Deadline.Act
            switch (action, role) {
            case ("notify", nil): act = .notify
            case ("escalate", let role?): act = .escalate(role: role)
            case ("reassign", let role?): act = .reassign(role: role)
            default:
                issues.append(
                    AssetIssue(
                        reader.path("action"), "A deadline notifies, escalates to a role, or reassigns to a role.",
                        remedy: "Write `action: notify`, or `action: escalate` with `role`."))
                continue
            }
            guard let name, let seconds else { continue }
            if out.contains(where: { $0.name == name }) {
                issues.append(AssetIssue(reader.path("name"), "The deadline `\(name)` is written twice.", remedy: "Rename one."))
            }
            out.append(DeadlineRule(name: name, seconds: Int64(seconds), isServiceTime: isServiceTime, act: act))
        }
        return out
    }
}
