package import Kernel

/// Published scenarios of plain Serverless Workflow 1.0, with their expressions in CEL: read by the parser of this product and
/// run by its machine.
package struct PlainConformance {
    /// Reads the YAML of a definition, or says what is wrong with it.
    package typealias YAML = (_ text: String) -> Result<JSONValue, AssetIssue>

    private static let eventsMax = 1000

    /// Every `.json` file of the folder that has `cases`.
    package static func run(directory: String, yaml: YAML) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        for file in try FileBytes.names(in: directory).sorted() where file.hasSuffix(".json") {
            for entry in try VectorFile.read("\(directory)/\(file)")["cases"]?.array ?? [] {
                let id = entry["name"]?.string ?? "\(file)/?"
                guard let text = entry["cel"]?.string else {
                    tally.record(id, .skipped("it has no form in CEL"))
                    continue
                }
                let why = problem(text, entry, yaml)
                tally.record(id, isPassed: why == nil, why ?? "")
            }
        }
        return tally
    }

    /// What is wrong with one case; nil when nothing is.
    private static func problem(_ text: String, _ entry: JSONValue, _ yaml: YAML) -> String? {
        let json: JSONValue
        switch yaml(text) {
        case .success(let read): json = read
        case .failure(let issue): return issue.description
        }
        var issues: [AssetIssue] = []
        guard let definition = WorkflowDefinition.parse(json, issues: &issues),
            issues.allSatisfy({ $0.severity != .error })
        else { return issues.map(\.description).joined(separator: " ") }
        let ran: Ran
        do throws(Refusal) {
            ran = try PlainConformance.ran(definition, input: entry["input"] ?? [:])
        } catch { return error.message }
        return difference(ran, from: entry["expect"] ?? [:])
    }

    // MARK: Running

    private struct Ran {
        var status = ""
        var output: JSONValue = .null
        var entered: [String] = []
    }

    /// Runs a definition that asks nobody; times pass at once.
    private static func ran(_ definition: WorkflowDefinition, input: JSONValue) throws(Refusal) -> Ran {
        var now = Moment(seconds: 1_767_225_600)
        let environment = RunEnvironment(
            definition: definition, policies: [:], hash: { String(RunPass.draw($0.text), radix: 16) },
            serviceInstant: { $1.adding(seconds: $0) })
        var machine = RunMachine()
        var actions = try machine.handle(.start(input: input), at: now, in: environment)
        var count = 0
        while !machine.state.phase.isFinal, count < eventsMax,
            let timer = RunMachine.timers(for: machine.state).min(by: { ($0.at, $0.key) < ($1.at, $1.key) })
        {
            count += 1
            now = max(now, timer.at)
            actions += try machine.handle(.timerFired(key: timer.key), at: now, in: environment)
        }
        var ran = Ran()
        ran.status = machine.state.phase.rawValue
        for action in actions {
            switch action {
            case .finish(_, let output): ran.output = output
            case .record(let note) where note.type == "step.entered":
                ran.entered.append(definition.id(of: note.step).map { definition.nodes[$0].name } ?? note.step)
            default: break
            }
        }
        return ran
    }

    // MARK: Comparing

    private static func difference(_ ran: Ran, from expected: JSONValue) -> String? {
        let status = expected["status"]?.string ?? "completed"
        guard ran.status == status else { return "it is \(ran.status), and \(status) was expected: \(ran.output.text)" }
        if let output = expected["output"], output != ran.output {
            return "it gave \(ran.output.text), and \(output.text) was expected"
        }
        for member in expected["error"]?.object ?? [:] where ran.output["error"]?[member.key] != member.value {
            return "the error has \(ran.output["error"]?.text ?? "nothing"), and \(member.key) should be \(member.value.text)"
        }
        for path in expected["has"]?.array ?? [] where value(path.string ?? "", in: ran.output) == nil {
            return "the output has no \(path.text): \(ran.output.text)"
        }
        for member in expected["properties"]?.object ?? [:] where value(member.key, in: ran.output) != member.value {
            return "\(member.key) is not \(member.value.text) in \(ran.output.text)"
        }
        for member in expected["counts"]?.object ?? [:]
        where value(member.key, in: ran.output)?.array?.count != member.value.int {
            return "\(member.key) has not \(member.value.text) items in \(ran.output.text)"
        }
        for entry in expected["order"]?.array ?? [] {
            if let wrong = misplaced(entry, in: ran.entered) { return wrong }
        }
        return nil
    }

    /// `a.b.0` through objects and lists.
    private static func value(_ path: String, in json: JSONValue) -> JSONValue? {
        var at = json
        for part in path.split(separator: ".") {
            if case .array(let items) = at {
                guard let place = Int(part), items.indices.contains(place) else { return nil }
                at = items[place]
            } else {
                guard let next = at[String(part)] else { return nil }
                at = next
            }
        }
        return at
    }

    private static func misplaced(_ entry: JSONValue, in entered: [String]) -> String? {
        let said = "the steps ran in the order \(entered.joined(separator: ", "))"
        if let first = entry["first"]?.string, entered.first != first { return "\(first) was not first: \(said)" }
        if let last = entry["last"]?.string, entered.last != last { return "\(last) was not last: \(said)" }
        guard let task = entry["task"]?.string, let before = entry["after"]?.string else { return nil }
        guard let later = entered.firstIndex(of: task), let earlier = entered.firstIndex(of: before), earlier < later else {
            return "\(task) did not run after \(before): \(said)"
        }
        return nil
    }
}
