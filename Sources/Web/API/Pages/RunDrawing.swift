internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Workflows

/// One run as its diagram, its timeline, its events and its data.
struct RunDrawing: Sendable {
    let run: RunRow
    let history: [HistoryRow]
    let tasks: [TaskRow]
    let names: [PersonID: String]
    /// Nil when it cannot be read; the run is held then and drawn without its steps.
    let context: RunContext?
    let kit: PageKit

    // MARK: Diagram

    var diagram: DiagramModel {
        let layout = context.map { WorkflowDiagram($0.environment.definition) }
        let entered = history.filter { $0.type == "step.entered" }.map(\.step)
        let completed = Set(history.filter { $0.type == "step.completed" }.map(\.step))
        var nodes = [
            DiagramModel.Node(
                id: "intake", title: "Intake", fact: fact(of: "document.received"), kind: "arrival", status: .done, column: 0),
            DiagramModel.Node(
                id: "read", title: "Read", fact: fact(of: "document.read"), kind: "reader", status: .done, column: 1),
        ]
        nodes += (layout?.nodes ?? []).map { node in
            let inside = entered.contains { $0 == node.path || $0.hasPrefix(node.path + "/") }
            let isDone = completed.contains(node.path) || (inside && run.finishedAt != nil)
            let waiting = tasks.filter {
                $0.finishedAt == nil && ($0.key.hasPrefix(node.path + "/") || $0.key.hasPrefix(node.path + "#"))
            }
            let status: Status =
                waiting.contains { $0.taskClass == "person" }
                ? .needsPerson
                : !waiting.isEmpty
                    ? (waiting.contains { $0.attemptsUsed > 1 } ? .retrying : .running)
                    : isDone ? .done : inside ? .running : .notStarted
            return DiagramModel.Node(
                id: node.path, title: node.title, fact: waiting.first?.title ?? "", kind: kind(node.kind), status: status,
                column: node.column + 2,
                row: node.row, isGate: node.isGate, signatures: waiting.filter { $0.kind == "approval" }.flatMap(signatures),
                href: "#\(anchor(node.path))")
        }
        var edges = [DiagramModel.Edge(from: "intake", to: "read")]
        if let first = layout?.nodes.first { edges.append(.init(from: "read", to: first.path)) }
        edges += (layout?.edges ?? []).filter { $0.kind == .next }.map { .init(from: $0.from, to: $0.to) }
        return DiagramModel(nodes: nodes, edges: edges)
    }

    private func fact(of type: String) -> String {
        guard let line = history.first(where: { $0.type == type }) else { return "" }
        return String(line.summary.prefix(28))
    }

    private func kind(_ kind: String) -> String {
        switch kind {
        case "human.approve": "approval"
        case "policy.decide": "policy decision"
        case "erp.read", "erp.write": "ERP call"
        case "exception.open": "exception"
        default: "step"
        }
    }

    func signatures(_ task: TaskRow) -> [Signature] {
        SignatureLines.lines(
            of: task, names: names, you: kit.context.visitor.identity.person.id, roles: kit.context.actor.roles, kit: kit)
    }

    private func anchor(_ path: String) -> String { "s" + path.map { $0.isLetter || $0.isNumber ? String($0) : "-" }.joined() }

    // MARK: Timeline

    var timeline: Timeline {
        var steps: [TimelineStep] = []
        for line in history where ["document.received", "document.read"].contains(line.type) {
            let at = line.data["at"]?.moment ?? line.at
            steps.append(
                TimelineStep(
                    id: "t\(line.seq)", title: line.type == "document.received" ? "Intake" : "Read", note: line.summary,
                    status: .done, start: at, end: line.at))
        }
        for task in tasks {
            let isOpen = task.finishedAt == nil
            let status: Status =
                task.taskClass == "person"
                ? (isOpen ? .needsPerson : task.outcome == "rejected" ? .failed : .done)
                : task.state == "dead"
                    ? .failed
                    : isOpen ? (task.attemptsUsed > 1 ? .retrying : .running) : task.outcome == "completed" ? .done : .failed
            steps.append(
                TimelineStep(
                    id: anchor(task.key), title: task.title, note: task.outcome ?? task.lastError ?? task.state, status: status,
                    start: task.createdAt,
                    end: task.finishedAt, isCurrent: isOpen))
            steps += attempts(of: task)
            steps += signed(task)
        }
        let ordered = steps.enumerated().sorted { lhs, rhs in
            let (left, right) = (lhs.element, rhs.element)
            return left.level == 0 && right.level == 0 && left.start != right.start
                ? (left.start ?? kit.now) < (right.start ?? kit.now) : lhs.offset < rhs.offset
        }
        return Timeline(steps: ordered.map(\.element), closed: [], time: kit.time)
    }

    /// Attempts of one task from its history: each start with the line that ended it.
    private func attempts(of task: TaskRow) -> [TimelineStep] {
        guard task.taskClass == "worker", task.attemptsUsed > 1 else { return [] }
        let lines = history.filter { $0.data["task"]?.string == task.id.text }
        var out: [TimelineStep] = []
        for (index, line) in lines.enumerated() where line.type == "attempt.started" {
            let end = lines[(index + 1)...].first { $0.type != "attempt.started" }
            let status: Status =
                switch end?.type {
                case "attempt.completed": .done
                case "write.settling", "write.absent": .inDoubt
                case nil: .running
                default: .failed
                }
            out.append(
                TimelineStep(
                    id: "a\(line.seq)", title: "attempt \(out.count + 1)", note: end?.summary ?? "under way", status: status,
                    level: 1, start: line.at, end: end?.at))
        }
        return out
    }

    private func signed(_ task: TaskRow) -> [TimelineStep] {
        (task.progress["signatures"]?.array ?? []).enumerated().map { index, signature in
            let name = signature["person"]?.string.flatMap { PersonID($0) }.flatMap { names[$0] } ?? "someone"
            let at = signature["at"]?.moment
            return TimelineStep(
                id: "g\(task.id.text.prefix(8))\(index)", title: "signature \(index + 1), \(name)",
                note: signature["label"]?.string ?? "", status: .sealed,
                level: 1, start: at, end: at)
        }
    }

    // MARK: Events and data

    var events: [RunPage.Event] {
        history.suffix(200).map { line in
            RunPage.Event(time: kit.time.stamp(line.at, seconds: true), step: line.step, summary: line.summary)
        }
    }

    var panels: [RunPage.DataPanel] {
        let input = run.state["input"] ?? .null
        let invoice = input["invoice"] ?? .null
        var rows: [RunPage.DataRow] = []
        func add(_ label: String, _ value: String?, _ origin: RunPage.Origin) {
            if let value, !value.isEmpty { rows.append(.init(label: label, value: value, origin: origin)) }
        }
        add("Supplier", invoice["seller"]?["legalName"]?.string, .untrusted)
        add("VAT number", invoice["seller"]?["vatId"]?.string, .untrusted)
        add("Number", invoice["number"]?.string, .untrusted)
        add("Issued", invoice["issueDate"]?.string, .untrusted)
        add("Gross", kit.amount(run.amountMinor, run.currency), .untrusted)
        add("Order", invoice["orderRef"]?.string, .untrusted)
        add("Entity", input["entity"]?["name"]?.string, .engine)
        add("Workflow", "\(run.workflow) \(run.workflowVersion)", .engine)
        let task = tasks.last { $0.objectHash != nil }
        return [
            RunPage.DataPanel(
                title: task?.title ?? "What arrived", rows: rows, objectHash: task?.objectHash.map { HashText.short($0) } ?? "",
                note: task == nil ? "" : "A change to any value voids the signatures.")
        ]
    }
}

/// The signature lines of an approval: who signed, who may, and which one is yours.
enum SignatureLines {
    static func lines(of task: TaskRow, names: [PersonID: String], you: PersonID, roles: Set<String>, kit: PageKit) -> [Signature]
    {
        var out: [Signature] = []
        let signed = task.progress["signatures"]?.array ?? []
        for signature in signed {
            let person = signature["person"]?.string.flatMap { PersonID($0) }
            let at = signature["at"]?.moment
            let behalf = signature["onBehalfOf"]?.string.flatMap { PersonID($0) }.map { names[$0] ?? "a colleague" }
            out.append(
                Signature(
                    state: .signed,
                    name: (person.flatMap { names[$0] } ?? "someone") + (behalf.map { " for \($0)" } ?? ""),
                    lines: [signature["label"]?.string ?? "", at.map { kit.time.stamp($0, seconds: true).text } ?? ""].filter {
                        !$0.isEmpty
                    }))
        }
        let hasSigned = signed.contains { $0["person"]?.string == you.text }
        var yoursShown = hasSigned || task.finishedAt != nil
        for (index, round) in (task.request["rounds"]?.array ?? []).enumerated() {
            let needed = round["quorum"]?.int ?? 1
            let done = signed.filter { ($0["round"]?.int ?? 0) == index }.count
            let asked = Set((round["roles"]?.array ?? []).compactMap(\.string))
            for _ in 0..<max(0, needed - done) where task.finishedAt == nil {
                let isYours = !yoursShown && !asked.isDisjoint(with: roles)
                if isYours { yoursShown = true }
                let label = round["label"]?.string ?? asked.sorted().first.map(PageWords.role) ?? "Signature"
                out.append(
                    Signature(
                        state: isYours ? .yours : .open, name: isYours ? "Your signature" : label,
                        lines: [isYours ? label : "open"]))
            }
        }
        return out
    }
}
