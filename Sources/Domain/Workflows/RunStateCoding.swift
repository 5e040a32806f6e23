package import Kernel
import Policies

extension RunState {
    /// Deterministic: the same state gives the same text.
    package var json: JSONValue {
        .object([
            "v": 1, "phase": .string(phase.rawValue), "input": input, "context": .object(context),
            "startedAt": startedAt.map(\.exactJSON), "outcome": outcome.map(JSONValue.string),
            "seed": .string(seed),
            "active": .array(active.map(\.json)),
            "visits": .object(JSONObject(visits.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue($0.value)) })),
            "acts": .array(acts.map { ["duty": .string($0.duty), "person": .string($0.person)] }),
            "clocks": .object(
                JSONObject(clocks.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value.rawValue)) })),
        ])
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
        }
        return .object(members)
    }

    init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "open step")
        path = try fields.string("path")
        visit = try fields.int("visit")
        switch try fields.string("wait") {
        case "inside":
            let done = json["done"] == nil ? [] : try fields.strings("done")
            var failure: StepError?
            if let failed = json["failure"] { failure = try StepError(json: failed) }
            wait = .inside(done: done, failure: failure)
        case "work":
            var dead: DeadCause?
            if let cause = json["dead"] {
                let causes = try Fields(cause, "cause")
                dead = DeadCause(code: try causes.string("code"), message: try causes.string("message"))
            }
            wait = .work(try WorkRequest(json: fields.value("request")), dead: dead)
        case "person":
            wait = .person(
                PersonWait(
                    request: try HumanRequest(json: fields.value("request")), duty: try fields.optionalString("duty"),
                    round: try fields.int("round"),
                    signatures: try readList(fields, "signatures") { item throws(Refusal) in try SignatureNote(json: item) },
                    passed: try fields.strings("passed")))
        case "timer": wait = .timer(key: try fields.string("key"), at: try fields.moment("at"))
        case let other: throw fields.refusal("waits for '\(other)', which is unknown")
        }
    }
}
