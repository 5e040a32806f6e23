package import Kernel
import Policies

extension RunState {
    /// Deterministic: the same state gives the same text.
    package var json: JSONValue {
        var out: JSONObject = [
            "v": 1, "phase": .string(phase.rawValue), "input": input, "context": .object(context),
        ]
        // Members keep the order in which they were first written, so that a state reads back to the same bytes.
        if let startedAt { out["startedAt"] = startedAt.exactJSON }
        if let outcome { out["outcome"] = .string(outcome) }
        out["seed"] = .string(seed)
        out["active"] = .array(active.map(\.json))
        out["visits"] = .object(
            JSONObject(visits.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue($0.value)) }))
        out["acts"] = .array(acts.map { ["duty": .string($0.duty), "person": .string($0.person)] })
        out["clocks"] = .object(
            JSONObject(clocks.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value.rawValue)) }))
        if !undo.isEmpty { out["undo"] = .array(undo.map(\.json)) }
        if !inbox.isEmpty { out["inbox"] = .array(inbox.map { ["event": $0.event, "at": $0.at.exactJSON] }) }
        if !eventsSeen.isEmpty { out["eventsSeen"] = .array(eventsSeen.map(JSONValue.string)) }
        if let pause { out["pause"] = pause.json }
        if let parent { out["parent"] = parent.json }
        if let ending { out["ending"] = .string(ending) }
        return .object(out)
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "run state")
        guard try fields.int("v") == 1 else { throw fields.refusal("has a version this program does not know") }
        self.init()
        guard let phase = Phase(rawValue: try fields.string("phase")) else { throw fields.refusal("names no known phase") }
        self.phase = phase
        input = fields.value("input")
        context = try fields.members("context")
        startedAt = json["startedAt"] == nil ? nil : try fields.moment("startedAt")
        outcome = try fields.optionalString("outcome")
        seed = try fields.string("seed")
        active = try readList(fields, "active") { item throws(Refusal) in try Activation(json: item) }
        for member in try fields.members("visits") {
            guard let count = member.value.int else { throw fields.refusal("has a visit that is no number") }
            visits[member.key] = count
        }
        acts = try readList(fields, "acts") { item throws(Refusal) in
            let act = try Fields(item, "act")
            return DutySeparation.Act(duty: try act.string("duty"), person: try act.string("person"))
        }
        for member in try fields.members("clocks") {
            guard let standing = member.value.string.flatMap(ClockStanding.init(rawValue:)) else {
                throw fields.refusal("has a clock in no known standing")
            }
            clocks[member.key] = standing
        }
        if json["undo"] != nil { undo = try readList(fields, "undo") { item throws(Refusal) in try UndoNote(json: item) } }
        if json["inbox"] != nil {
            inbox = try readList(fields, "inbox") { item throws(Refusal) in
                let kept = try Fields(item, "kept event")
                return KeptEvent(event: kept.value("event"), at: try kept.moment("at"))
            }
        }
        if json["eventsSeen"] != nil { eventsSeen = try fields.strings("eventsSeen") }
        if let written = json["pause"] { pause = try PauseNote(json: written) }
        if let written = json["parent"] { parent = try ParentNote(json: written) }
        ending = try fields.optionalString("ending")
    }
}

extension Activation {
    var json: JSONValue {
        var members: JSONObject = ["path": .string(path), "visit": JSONValue(visit)]
        switch wait {
        case .inside(let done, let failure):
            members["wait"] = "inside"
            if !done.isEmpty { members["done"] = .array(done.map(JSONValue.string)) }
            if let failure { members["failure"] = failure.json }
        case .work(let request, let dead):
            members["wait"] = "work"
            members["request"] = request.json
            if let dead { members["dead"] = ["code": .string(dead.code), "message": .string(dead.message)] }
        case .person(let person):
            members["wait"] = "person"
            members["request"] = person.request.json
            if let duty = person.duty { members["duty"] = .string(duty) }
            members["round"] = JSONValue(person.round)
            members["signatures"] = .array(person.signatures.map(\.json))
            members["passed"] = .array(person.passed.map(JSONValue.string))
        case .timer(let key, let at):
            members["wait"] = "timer"
            members["key"] = .string(key)
            members["at"] = at.exactJSON
        case .loop(let loop):
            members["wait"] = "loop"
            members["items"] = .array(loop.items)
            members["next"] = JSONValue(loop.next)
            members["done"] = JSONValue(loop.done)
            if let failure = loop.failure { members["failure"] = failure.json }
        case .attempt(let attempt):
            members["wait"] = "attempt"
            members["failed"] = JSONValue(attempt.failed)
            members["since"] = attempt.since.exactJSON
            if let error = attempt.error { members["error"] = error.json }
            if let timer = attempt.timer { members["timer"] = timer.json }
            if let undoing = attempt.undoing { members["undoing"] = .array(undoing.map(\.json)) }
        case .listening(let listening):
            members["wait"] = "listening"
            members["wanted"] = .array(listening.wanted.map(JSONValue.object))
            members["expected"] = .array(listening.expected.map(JSONValue.object))
            members["taken"] = .array(listening.taken)
        case .child(let child):
            members["wait"] = "child"
            members["key"] = .string(child.key)
            members["workflow"] = .string(child.workflow.key)
        }
        if data != .null { members["data"] = data }
        if !locals.isEmpty { members["locals"] = .object(locals) }
        if !outputs.isEmpty { members["outputs"] = .object(outputs) }
        if let timeout { members["timeout"] = timeout.json }
        return .object(members)
    }

    init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "open step")
        let wait = try Activation.wait(fields, json)
        self.init(path: try fields.string("path"), visit: try fields.int("visit"), wait: wait)
        data = fields.value("data")
        if json["locals"] != nil { locals = try fields.members("locals") }
        if json["outputs"] != nil { outputs = try fields.members("outputs") }
        if let written = json["timeout"] { timeout = try TimerNote(json: written) }
    }

    private static func wait(_ fields: Fields, _ json: JSONValue) throws(Refusal) -> Wait {
        switch try fields.string("wait") {
        case "inside":
            let done = json["done"] == nil ? [] : try fields.strings("done")
            return .inside(done: done, failure: try error("failure", of: json))
        case "work":
            var dead: DeadCause?
            if let cause = json["dead"] {
                let causes = try Fields(cause, "cause")
                dead = DeadCause(code: try causes.string("code"), message: try causes.string("message"))
            }
            return .work(try WorkRequest(json: fields.value("request")), dead: dead)
        case "person":
            return .person(
                PersonWait(
                    request: try HumanRequest(json: fields.value("request")), duty: try fields.optionalString("duty"),
                    round: try fields.int("round"),
                    signatures: try readList(fields, "signatures") { item throws(Refusal) in try SignatureNote(json: item) },
                    passed: try fields.strings("passed")))
        case "timer": return .timer(key: try fields.string("key"), at: try fields.moment("at"))
        case "loop":
            return .loop(
                LoopWait(
                    items: try fields.array("items"), next: try fields.int("next"), done: try fields.int("done"),
                    failure: try error("failure", of: json)))
        case "attempt":
            var undoing: [UndoNote]?
            if json["undoing"] != nil {
                undoing = try readList(fields, "undoing") { item throws(Refusal) in try UndoNote(json: item) }
            }
            var timer: TimerNote?
            if let written = json["timer"] { timer = try TimerNote(json: written) }
            return .attempt(
                AttemptWait(
                    failed: try fields.int("failed"), since: try fields.moment("since"), error: try error("error", of: json),
                    timer: timer, undoing: undoing))
        case "listening":
            func objects(_ name: String) throws(Refusal) -> [JSONObject] {
                var out: [JSONObject] = []
                for item in try fields.array(name) {
                    guard let object = item.object else { throw fields.refusal("has a '\(name)' of another form") }
                    out.append(object)
                }
                return out
            }
            let listening = ListenWait(
                wanted: try objects("wanted"), expected: try objects("expected"), taken: try fields.array("taken"))
            guard listening.expected.count == listening.wanted.count, listening.taken.count == listening.wanted.count else {
                throw fields.refusal("has filters that do not fit each other")
            }
            return .listening(listening)
        case "child":
            guard let workflow = WorkflowReference(key: try fields.string("workflow")) else {
                throw fields.refusal("names no workflow and version")
            }
            return .child(ChildWait(key: try fields.string("key"), workflow: workflow))
        case let other: throw fields.refusal("waits for '\(other)', which is unknown")
        }
    }

    private static func error(_ name: String, of json: JSONValue) throws(Refusal) -> StepError? {
        guard let written = json[name] else { return nil }
        return try StepError(json: written)
    }
}

extension TimerNote {
    var json: JSONValue { ["key": .string(key), "at": at.exactJSON] }

    init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "timer")
        self.init(key: try fields.string("key"), at: try fields.moment("at"))
    }
}

extension UndoNote {
    var json: JSONValue { ["path": .string(path), "output": output] }

    init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "step to undo")
        self.init(path: try fields.string("path"), output: fields.value("output"))
    }
}

extension PauseNote {
    var json: JSONValue {
        [
            "by": JSONValue(by), "at": at.exactJSON, "reason": .string(reason), "kept": .array(kept.map(\.json)),
        ]
    }

    init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "pause")
        self.init(
            by: try fields.id("by"), at: try fields.moment("at"), reason: try fields.string("reason"),
            kept: try readList(fields, "kept") { item throws(Refusal) in try RunEvent(json: item) })
    }
}
