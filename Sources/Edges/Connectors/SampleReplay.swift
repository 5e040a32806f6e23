package import Kernel

/// A recorded conversation with a system, replayed through a mapping without any system: a mapping that asks something else than
/// was recorded, or makes something else of the answers, is broken before it is published.
///
/// The file is JSON: `{title, at, settings?, read | write | login, exchanges: [{request, answer}], expect}`; the page on
/// connectors describes each member.
package struct SampleReplay: Sendable {
    package static let bytesMax = 2_097_152
    static let exchangesMax = 200
    /// Stands in requests and secrets of a sample for what must not be recorded.
    package static let baseURL = "https://erp.example"

    private enum Task {
        case read(JSONValue)
        case write(JSONValue, idempotencyKey: String, isSearchOnly: Bool)
        case login(dialect: String, secrets: JSONValue)
    }

    private let task: Task
    private let at: Moment
    private let settings: JSONValue
    private let exchanges: [(request: JSONValue, answer: JSONValue)]
    private let expected: JSONValue

    /// Nil when the file is no sample; every problem becomes an issue of the file.
    package init?(json: JSONValue, issues: inout [AssetIssue]) {
        let known = [
            "title", "at", "settings", "read", "write", "login", "secrets", "idempotencyKey", "searchOnly", "exchanges",
            "expect",
        ]
        let before = issues.count
        guard let reader = MappingReader(json, at: "", "A sample", known, issues: &issues) else { return nil }
        _ = reader.text("title", issues: &issues)
        let moment = reader.object["at"]?.moment
        if moment == nil {
            issues.append(AssetIssue("/at", "`at` has to be a time in RFC 3339.", remedy: "Write when it was recorded."))
        }
        let tasks = ["read", "write", "login"].filter { reader.object[$0] != nil }
        if tasks.count != 1 {
            issues.append(AssetIssue("", "A sample has one of `read`, `write` and `login`.", remedy: "Write the task's input."))
        }
        var exchanges: [(request: JSONValue, answer: JSONValue)] = []
        let list = reader.object["exchanges"]?.array ?? []
        if list.isEmpty || list.count > SampleReplay.exchangesMax {
            issues.append(
                AssetIssue(
                    "/exchanges", "`exchanges` has to be a list of 1 to \(SampleReplay.exchangesMax).",
                    remedy: "Write each as `{request, answer}`."))
        }
        for (index, entry) in list.enumerated() {
            guard let request = entry["request"], let answer = entry["answer"], answer["status"]?.int != nil else {
                issues.append(
                    AssetIssue(
                        "/exchanges/\(index)", "An exchange has `request` and `answer`, and an answer has `status`.",
                        remedy: "Write both as they were recorded."))
                continue
            }
            exchanges.append((request, answer))
        }
        if reader.object["expect"] == nil {
            issues.append(AssetIssue("", "The sample expects nothing.", remedy: "Add `expect` with the task's outcome."))
        }
        guard issues.count == before, let moment, let expected = reader.object["expect"], let kind = tasks.first,
            let input = reader.object[kind]
        else { return nil }
        switch kind {
        case "read": task = .read(input)
        case "write":
            task = .write(
                input, idempotencyKey: reader.object["idempotencyKey"]?.string ?? "",
                isSearchOnly: reader.object["searchOnly"]?.bool ?? false)
        default: task = .login(dialect: input.string ?? Dialect.standard, secrets: reader.object["secrets"] ?? [:])
        }
        at = moment
        settings = reader.object["settings"] ?? [:]
        self.exchanges = exchanges
        self.expected = expected
    }

    /// What differs, in a sentence; nil when the mapping does what was recorded.
    package func difference(with mapping: JSONValue) -> String? {
        let settings: ConnectionSettings
        do throws(Refusal) {
            settings = try ConnectionSettings(json: [
                "name": "sample", "mapping": mapping,
                "config": [
                    "baseUrl": .string(SampleReplay.baseURL), "settings": self.settings,
                    "endpoints": SampleReplay.endpoints(of: mapping),
                ],
            ])
        } catch {
            return error.message
        }
        let maker = PlanMaker(settings: settings, memory: LookupMemory(), now: at)
        switch task {
        case .read(let input): return replay(maker.read(input), settings.mapping)
        case .write(let input, let key, let isSearchOnly):
            return replay(maker.write(input, isSearchOnly: isSearchOnly, idempotencyKey: key), settings.mapping)
        case .login(let dialect, let secrets): return replay(login: dialect, secrets, settings)
        }
    }

    private static func endpoints(of mapping: JSONValue) -> JSONValue {
        var out: JSONObject = [:]
        let profiles = [mapping["auth"]] + (mapping["dialects"]?.object ?? [:]).map { $0.value["auth"] }
        for name in profiles.compactMap({ $0?["endpoint"]?.string }) { out[name] = .string(baseURL) }
        return .object(out)
    }

    private func replay(_ made: PlanMaker.Made, _ mapping: ConnectorMapping) -> String? {
        var used = 0
        var step: PlanStep
        var plan: any ConnectorPlan
        switch made {
        case .outcome(let outcome): return difference(outcome.json)
        case .plan(let chosen):
            plan = chosen
            step = plan.begin()
        }
        while true {
            switch step {
            case .finish(let outcome):
                if used < exchanges.count {
                    return "the mapping ended after \(used) of \(exchanges.count) exchanges: \(SampleReplay.short(outcome.json))"
                }
                return difference(outcome.json)
            case .send(let request):
                guard used < exchanges.count else {
                    return "the mapping asks more than was recorded: \(request.method) \(request.target)"
                }
                let recorded = exchanges[used]
                if let problem = difference(request, recorded.request) { return "exchange \(used + 1): \(problem)" }
                guard let dialect = mapping.dialect(request.dialect) else { return "there is no such dialect" }
                used += 1
                step = plan.handle(SampleReplay.result(recorded.answer, dialect, at))
            }
        }
    }

    private static func result(_ answer: JSONValue, _ dialect: Dialect, _ now: Moment) -> ExchangeResult {
        if answer["lost"]?.bool == true {
            return .failure(ExchangeFailure(code: "timed-out", message: "no answer came", mayHaveBeenSent: true))
        }
        var headers: [(name: String, value: String)] = []
        for member in answer["headers"]?.object ?? [:] {
            headers.append((name: member.key.lowercased(), value: member.value.string ?? member.value.text))
        }
        if !headers.contains(where: { $0.name == "content-type" }) {
            headers.append((name: "content-type", value: "application/json"))
        }
        let body = answer["text"]?.string.map { Array($0.utf8) } ?? answer["body"]?.bytes ?? []
        return .reading(
            dialect.answers.read(ExchangeAnswer(status: answer["status"]?.int ?? 0, headers: headers, body: body), now: now))
    }

    /// Method, target and body have to be as recorded, and so the headers that the sample names.
    private func difference(_ request: PlannedRequest, _ recorded: JSONValue) -> String? {
        if let method = recorded["method"]?.string, method != request.method {
            return "the mapping sends \(request.method) where \(method) was recorded"
        }
        if let target = recorded["target"]?.string, target != request.target {
            return "the mapping asks \(SampleReplay.cut(request.target)) where \(SampleReplay.cut(target)) was recorded"
        }
        for member in recorded["headers"]?.object ?? [:] {
            let sent = request.headers.first { $0.key.lowercased() == member.key.lowercased() }?.value
            if sent != member.value.string { return "the header \(member.key) is \(sent ?? "missing")" }
        }
        return SampleReplay.first(recorded["body"] ?? .null, request.body ?? .null, "body").map { "the request differs at \($0)" }
    }

    private func difference(_ outcome: JSONValue) -> String? {
        SampleReplay.first(expected, outcome, "").map { "the outcome differs at \($0)" }
    }

    private func replay(login name: String, _ secrets: JSONValue, _ settings: ConnectionSettings) -> String? {
        guard let dialect = settings.mapping.dialect(name), case .session(let login) = dialect.auth else {
            return "there is no dialect `\(name)` that opens a session"
        }
        var scope = MappingScope(["connection": settings.scope, "secret": secrets], library: settings.mapping.library)
        do throws(MappingFailure) {
            let request = try login.login.planned(.login, in: scope)
            if let problem = difference(request, exchanges[0].request) { return "exchange 1: \(problem)" }
            guard case .reading(.ok(let document, _)) = SampleReplay.result(exchanges[0].answer, dialect, at) else {
                return difference(["outcome": "refused"])
            }
            scope["session"] = try login.session.value(in: scope.focused(on: document)) ?? .null
            let headers = try RequestShape.headers(login.headers, in: scope).sorted { $0.key < $1.key }
            return difference([
                "outcome": "signed-in", "headers": .object(JSONObject(headers.map { (key: $0.key, value: .string($0.value)) })),
            ])
        } catch {
            return error.message
        }
    }

    /// The first place where what is there is not what was expected.
    private static func first(_ expected: JSONValue, _ found: JSONValue, _ place: String) -> String? {
        switch (expected, found) {
        case (.object(let one), .object(let other)):
            for key in one.keys + other.keys.filter({ one[$0] == nil }) {
                if let difference = first(one[key] ?? .null, other[key] ?? .null, place + "/" + key) { return difference }
            }
            return nil
        case (.array(let one), .array(let other)) where one.count == other.count:
            for index in one.indices {
                if let difference = first(one[index], other[index], "\(place)/\(index)") { return difference }
            }
            return nil
        case (.number(let one), .number(let other)):
            if ExactDecimal(one.text).map({ $0 == ExactDecimal(other.text) }) ?? (one.text == other.text) { return nil }
        default: if expected == found { return nil }
        }
        return "\(place.isEmpty ? "/" : place): \(short(found)) instead of \(short(expected))"
    }

    private static func short(_ value: JSONValue) -> String { cut(value.text) }
    private static func cut(_ text: String) -> String { text.count > 160 ? text.prefix(160) + "…" : text }
}

extension ConnectorOutcome {
    /// In the words of the handoff, for samples.
    var json: JSONValue {
        switch self {
        case .completed(let output): ["outcome": "completed", "output": output]
        case .found(let output): ["outcome": "found", "output": output]
        case .absent: ["outcome": "absent"]
        case .refused(let code, let message): ["outcome": "refused", "code": .string(code), "message": .string(message)]
        case .failed(let code, let message, let seconds):
            .object([
                "outcome": "failed", "code": .string(code), "message": .string(message),
                "retryAfterSeconds": seconds.map { JSONValue($0) },
            ])
        case .inDoubt(let message): ["outcome": "inDoubt", "message": .string(message)]
        case .mismatch(let differences): ["outcome": "mismatch", "differences": differences]
        case .needsDecision(let name, let message, let evidence):
            ["outcome": "needsDecision", "name": .string(name), "message": .string(message), "evidence": evidence]
        }
    }
}
