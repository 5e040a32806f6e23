package import Kernel

/// Decision models against the test cases published with them: a folder for each, with `<name>.dmn` and files of cases.
package enum DMNConformance {
    package static let fileBytesMax = 4_194_304
    /// Published answers of long divisions are cut at eleven digits or more; so a figure with that many is met within this.
    private static let nearness = FEELNumber("0.00000001") ?? .zero
    private static let longFraction = 8

    /// A fault when the folder cannot be read. `outline` opens XML elsewhere: an untrusted file never in this process.
    package static func run(
        directory: String, outline: ([UInt8]) throws(Fault) -> Result<XMLOutline, DMNProblem>
    ) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        let folders = try FileBytes.names(in: directory)
        let here = folders.contains { $0.hasSuffix(".dmn") }
        for folder in here ? ["."] : folders.sorted() {
            let place = here ? directory : directory + "/" + folder
            // What is no folder has no names; it is not ours to judge.
            guard let names = try? FileBytes.names(in: place) else { continue }
            for name in names.sorted() where name.hasSuffix(".xml") {
                tally.add(try cases(place, name, outline))
            }
        }
        if tally.passed + tally.failed + tally.skipped == 0 {
            throw Fault("reading \(directory)", "it holds no test cases of DMN", isRetryable: false)
        }
        return tally
    }

    private static func cases(
        _ folder: String, _ file: String, _ outline: ([UInt8]) throws(Fault) -> Result<XMLOutline, DMNProblem>
    ) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        let stem = String(file.dropLast(4))
        func fail(_ problem: DMNProblem, _ name: String) -> ConformanceTally {
            tally.record(stem, .failed("\(name):\(problem.line):\(problem.column): \(problem.message)"))
            return tally
        }
        let root: XMLOutline
        switch try outline(try FileBytes.read("\(folder)/\(file)", maxBytes: fileBytesMax)) {
        case .success(let read): root = read
        case .failure(let problem): return fail(problem, file)
        }
        guard root.name == "testCases" else { return tally }
        let modelFile = root.first("modelName")?.word ?? ""
        guard !modelFile.isEmpty, !modelFile.contains("/") else {
            return fail(root.problem("The cases name no model.", "Name it."), file)
        }
        let modelRoot: XMLOutline
        switch try outline(try FileBytes.read("\(folder)/\(modelFile)", maxBytes: fileBytesMax)) {
        case .success(let read): modelRoot = read
        case .failure(let problem): return fail(problem, modelFile)
        }
        var problems: [DMNProblem] = []
        let model = DMNModel.parse(modelRoot, problems: &problems)
        for test in root.all("testCase") {
            let id = "\(stem)/\(test.attributes["id"] ?? "")"
            guard let model else {
                let first = problems.first ?? modelRoot.problem("The model cannot be read.", "")
                tally.record(id, .failed("\(modelFile):\(first.line):\(first.column): \(first.message)"))
                continue
            }
            tally.record(id, verdict(test, model))
        }
        return tally
    }

    private static func verdict(_ test: XMLOutline, _ model: DMNModel) -> ConformanceTally.Verdict {
        var inputs = FEELContext()
        for node in test.all("inputNode") { inputs[node.attributes["name"] ?? ""] = value(node) }
        var decisions = DMNDecisions(model, inputs: inputs)
        for node in test.all("resultNode") {
            let name = node.attributes["name"] ?? ""
            guard node.attributes["type"] ?? "decision" == "decision" else {
                return .skipped("`\(name)` is no decision but a \(node.attributes["type"] ?? "")")
            }
            guard let decision = model.decision(named: name) else { return .failed("there is no decision `\(name)`") }
            let wanted = node.first("expected").map(value) ?? .null
            do throws(FEELOverrun) {
                let given = try decisions.answer(decision)
                if !agree(wanted, given) { return .failed("`\(name)` is \(given.text) and not \(wanted.text)") }
            } catch {
                return .failed("`\(name)` takes more than \(FEELEvaluator.stepsMax) steps")
            }
        }
        return .passed
    }

    /// `value`, `list` or `component` below a node.
    private static func value(_ place: XMLOutline) -> FEELValue {
        if let list = place.first("list") { return list.attributes["nil"] == "true" ? .null : .list(list.all("item").map(value)) }
        let components = place.all("component")
        if !components.isEmpty {
            return .context(FEELContext(components.map { (name: $0.attributes["name"] ?? "", value: value($0)) }))
        }
        guard let plain = place.first("value"), plain.attributes["nil"] != "true" else { return .null }
        let type = plain.attributes["type"].map { $0.split(separator: ":").last.map(String.init) ?? $0 } ?? "string"
        let text = plain.word
        return switch type {
        case "decimal", "double", "float", "integer", "int", "long", "number": FEELNumber(text).map(FEELValue.number) ?? .null
        case "boolean": .boolean(text == "true" || text == "1")
        case "date": CivilDate(text).map(FEELValue.date) ?? .null
        case "time": FEELClock.readTime(text) ?? .null
        case "dateTime": FEELClock.readDateTime(text) ?? .null
        case "duration", "dayTimeDuration", "yearMonthDuration": FEELClock.readDuration(text) ?? .null
        default: .string(plain.text)
        }
    }

    private static func agree(_ wanted: FEELValue, _ given: FEELValue) -> Bool {
        switch (wanted, given) {
        case (.number(let first), .number(let second)):
            if first == second { return true }
            guard first.normalized.exponent <= -longFraction, let difference = first.adding(second.negated) else { return false }
            return difference.magnitude <= nearness
        case (.list(let first), .list(let second)):
            return first.count == second.count && zip(first, second).allSatisfy(agree)
        case (.context(let first), .context(let second)):
            return first.entries.count == second.entries.count
                && first.entries.allSatisfy { entry in second[entry.name].map { agree(entry.value, $0) } ?? false }
        default: return wanted == given
        }
    }
}
