package import Kernel
import Policies

/// A workflow whose `extends` have been replaced by what the patterns give, and where each part of it was written.
package struct PatternExpansion: Sendable {
    /// Patterns inside one another.
    package static let depthMax = 8
    /// Levels of lists and objects, those of patterns and their values included.
    static let levelsMax = 160
    /// Values of the whole result.
    package static let valuesMax = 50_000

    /// Where a part of the result stands in the workflow's own file, and in the patterns through which it came there.
    package struct Origin: Sendable, Equatable {
        /// RFC 6901 pointer into the workflow as written: the text itself, or the `extends` that brought it.
        package let pointer: String
        /// Innermost first: `name@version` and a pointer into that pattern.
        package let patterns: [Place]

        package struct Place: Sendable, Equatable {
            package let pattern: String
            package let pointer: String
        }
    }

    /// Something that is wrong with a use of a pattern; its pointer is into the workflow as written.
    package struct Problem: Sendable {
        package let issue: AssetIssue
        package let patterns: [Origin.Place]
    }

    package let json: JSONValue
    private let origins: [String: Origin]

    /// Puts patterns in. Where that fails the step stays as it is written, and the problems say why.
    package static func expand(
        _ json: JSONValue, among patterns: [WorkflowPattern]
    ) -> (expansion: PatternExpansion, problems: [Problem]) {
        var work = Expander(patterns: patterns)
        let whole = work.expand(json)
        return (PatternExpansion(json: whole, origins: work.origins), work.problems)
    }

    /// Whether anything was put in.
    package var isChanged: Bool { !origins.isEmpty }

    /// Where the nearest part around a pointer into the result was written.
    package func origin(of pointer: String) -> Origin {
        var at = pointer[...]
        while true {
            if let found = origins[String(at)] {
                let rest = String(pointer[at.endIndex...])
                guard let first = found.patterns.first else { return Origin(pointer: found.pointer + rest, patterns: []) }
                let inner = Origin.Place(pattern: first.pattern, pointer: first.pointer + rest)
                return Origin(pointer: found.pointer, patterns: [inner] + found.patterns.dropFirst())
            }
            guard let slash = at.lastIndex(of: "/") else { return Origin(pointer: pointer, patterns: []) }
            at = at[..<slash]
        }
    }
}

/// The work of one expansion. A frame is a text that is being read: the workflow, or one use of a pattern.
private struct Expander {
    let patterns: [WorkflowPattern]
    var origins: [String: PatternExpansion.Origin] = [:]
    var problems: [PatternExpansion.Problem] = []
    private var frames = [Frame(pattern: nil, use: nil, arguments: [:])]
    private var values = 0
    private var levels = 0
    private var isStopped = false

    struct Here {
        let frame: Int
        let pointer: String

        func inside(_ key: String) -> Here { Here(frame: frame, pointer: pointer + "/" + AssetIssue.token(key)) }
    }

    private struct Frame {
        let pattern: WorkflowPattern?
        let use: Here?
        /// Each value with the place where it was written; it is read there when it is put in.
        let arguments: [String: (value: JSONValue, here: Here)]
    }

    /// What a value is within a definition: only steps can name a pattern, data that looks like one stays data.
    private enum Role {
        case steps, entry, step, holder, data

        func member(_ key: String) -> Role {
            switch (self, key) {
            case (.entry, _): .step
            case (.step, "do"), (.step, "try"), (.step, "compensate"), (.holder, "do"), (.holder, "branches"): .steps
            case (.step, "catch"), (.step, "fork"): .holder
            default: .data
            }
        }
    }

    init(patterns: [WorkflowPattern]) { self.patterns = patterns }

    mutating func expand(_ json: JSONValue) -> JSONValue {
        guard case .object(let object) = json else { return json }
        return .object(members(of: object, Here(frame: 0, pointer: ""), out: "", as: .workflow))
    }

    // MARK: Places

    private func place(_ here: Here) -> PatternExpansion.Origin {
        guard let pattern = frames[here.frame].pattern, let use = frames[here.frame].use else {
            return PatternExpansion.Origin(pointer: here.pointer, patterns: [])
        }
        let outer = place(use)
        let inner = PatternExpansion.Origin.Place(pattern: pattern.key, pointer: here.pointer)
        return PatternExpansion.Origin(pointer: outer.pointer, patterns: [inner] + outer.patterns)
    }

    private mutating func report(_ here: Here, _ message: String, _ remedy: String) {
        let origin = place(here)
        let found = PatternExpansion.Problem(
            issue: AssetIssue(origin.pointer, message, remedy: remedy), patterns: origin.patterns)
        if !problems.contains(where: { $0.issue == found.issue && $0.patterns == found.patterns }) { problems.append(found) }
    }

    // MARK: Reading

    private mutating func walk(_ value: JSONValue, _ here: Here, out: String, _ role: Role) -> JSONValue {
        values += 1
        levels += 1
        defer { levels -= 1 }
        guard !isStopped, values <= PatternExpansion.valuesMax, levels <= PatternExpansion.levelsMax else {
            if !isStopped {
                report(here, "With its patterns the workflow is too large or too deep.", "Use smaller patterns, or fewer.")
            }
            isStopped = true
            return .null
        }
        if here.frame != 0 || here.pointer != out { origins[out] = place(here) }
        switch value {
        case .null, .bool, .number: return value
        case .string(let text): return frames[here.frame].pattern == nil ? value : filled(text, here)
        case .array(let items):
            let inner: Role = role == .steps ? .entry : .data
            return .array(
                items.enumerated().map { index, item in walk(item, here.inside("\(index)"), out: "\(out)/\(index)", inner) })
        case .object(let object):
            if frames[here.frame].pattern != nil, let name = PatternText.parameter(named: object) {
                // What does not exist was told when the pattern was read.
                guard let argument = frames[here.frame].arguments[name] else { return .null }
                return walk(argument.value, argument.here, out: out, role)
            }
            if role == .step { return .object(members(of: object, here, out: out, as: .step)) }
            return .object(
                JSONObject(
                    object.members.map { member in
                        (key: member.key, value: inner(member, here, out: out, role.member(member.key)))
                    }))
        }
    }

    private mutating func inner(
        _ member: (key: String, value: JSONValue), _ here: Here, out: String, _ role: Role
    ) -> JSONValue {
        walk(member.value, here.inside(member.key), out: out + "/" + AssetIssue.token(member.key), role)
    }

    private mutating func filled(_ text: String, _ here: Here) -> JSONValue {
        var out = ""
        for piece in PatternText.pieces(of: text) {
            switch piece {
            case .words(let words): out += words
            case .name(let name):
                guard let argument = frames[here.frame].arguments[name] else { continue }
                switch evaluated(argument) {
                case .string(let value): out += value
                case .number(let number): out += number.text
                case .bool(let flag): out += flag ? "true" : "false"
                case .null, .array, .object: break
                }
            }
        }
        return .string(out)
    }

    /// The value alone, for looking at; where its parts stand is noted when it is put in.
    private mutating func evaluated(_ argument: (value: JSONValue, here: Here)) -> JSONValue {
        let before = origins
        defer { origins = before }
        return walk(argument.value, argument.here, out: argument.here.pointer, .data)
    }

    /// Where a value was written that patterns hand on to each other.
    private func written(_ argument: (value: JSONValue, here: Here)) -> Here {
        var at = argument
        while frames[at.here.frame].pattern != nil, let object = at.value.object,
            let name = PatternText.parameter(named: object), let outer = frames[at.here.frame].arguments[name]
        {
            at = outer
        }
        return at.here
    }

    // MARK: Patterns

    /// The members of a step or workflow, those of its pattern included.
    private mutating func members(
        of object: JSONObject, _ here: Here, out: String, as body: WorkflowPattern.Body
    ) -> JSONObject {
        let plain = object.members.filter { object["extends"] == nil || $0.key != "extends" && $0.key != "with" }
        let given = object["extends"].flatMap { open($0, object["with"], here, as: body) }
        guard object["extends"] == nil || given != nil else { return object }
        var merged = JSONObject()
        var own = JSONObject()
        for member in plain {
            own[member.key] = member.value
            merged[member.key] = inner(member, here, out: out, Role.step.member(member.key))
        }
        guard let given, let pattern = frames[given.frame].pattern else { return merged }
        for (key, value) in members(of: pattern.content, given, out: out, as: pattern.body) {
            guard own[key] != nil else {
                merged[key] = value
                continue
            }
            let place = here.inside(key)
            guard key == "export", case .object(let ours)? = merged[key], case .object(var both) = value else {
                report(
                    place, "The pattern `\(pattern.key)` gives `\(key)` already.",
                    "Remove it here, or use a pattern without it.")
                continue
            }
            for member in ours {
                if both[member.key] != nil {
                    report(
                        place.inside(member.key), "The pattern `\(pattern.key)` exports `\(member.key)` already.", "Rename it.")
                }
                both[member.key] = member.value
                let name = out + "/export/" + AssetIssue.token(member.key)
                origins[name] = self.place(place.inside(member.key))
            }
            merged[key] = .object(both)
        }
        return merged
    }

    /// A frame for the use of a pattern; nil, with the reason told, when it cannot be used here.
    private mutating func open(
        _ extends: JSONValue, _ with: JSONValue?, _ here: Here, as body: WorkflowPattern.Body
    ) -> Here? {
        let at = here.inside("extends")
        guard let pattern = find(extends, at) else { return nil }
        guard pattern.body == body else {
            report(
                at, "`\(pattern.key)` is a pattern of a \(pattern.body.rawValue), not of a \(body.rawValue).",
                "Use it where a \(pattern.body.rawValue) stands.")
            return nil
        }
        var around = [pattern.key]
        var level: Int? = here.frame
        while let frame = level {
            if let name = frames[frame].pattern?.key { around.append(name) }
            level = frames[frame].use?.frame
        }
        if around.dropFirst().contains(pattern.key) {
            report(
                at, "The pattern `\(pattern.key)` contains itself: \(around.reversed().joined(separator: " → ")).",
                "Take it out of one of them.")
            return nil
        }
        guard around.count <= PatternExpansion.depthMax else {
            report(at, "Patterns stand more than \(PatternExpansion.depthMax) deep inside one another.", "Flatten them.")
            return nil
        }
        guard case .object(let given) = with ?? .object(JSONObject()) else {
            report(here.inside("with"), "`with` has to be a mapping.", "Write the parameters as `name: value` lines.")
            return nil
        }
        return enter(pattern, given, here)
    }

    private mutating func find(_ extends: JSONValue, _ at: Here) -> WorkflowPattern? {
        guard let key = extends.string else {
            report(at, "`extends` names a pattern and its version.", "Write it as `name@version`.")
            return nil
        }
        if let found = patterns.first(where: { $0.key == key }) { return found }
        let name = String(key.prefix { $0 != "@" })
        let versions = patterns.filter { $0.name == name }.map(\.key)
        if !versions.isEmpty {
            report(
                at, "There is no pattern `\(key.prefix(120))`.",
                "The library has \(versions.sorted().joined(separator: ", ")); name one of them, and look at what it changes.")
        } else {
            let near = AssetReader.nearest(to: key, among: patterns.map(\.key))
            report(
                at, "There is no pattern `\(key.prefix(120))`.",
                near.map { "Did you mean `\($0)`?" } ?? "Write operator/library/patterns/\(name.prefix(60)).yaml.")
        }
        return nil
    }

    private mutating func enter(_ pattern: WorkflowPattern, _ given: JSONObject, _ here: Here) -> Here? {
        let with = here.inside("with")
        var isSound = true
        for key in given.keys where !pattern.parameters.contains(where: { $0.name == key }) {
            let names = pattern.parameters.map(\.name)
            report(
                with.inside(key), "The pattern `\(pattern.key)` has no parameter `\(key.prefix(60))`.",
                AssetReader.nearest(to: key, among: names).map { "Did you mean `\($0)`?" }
                    ?? "It has: \(names.joined(separator: ", ")).")
            isSound = false
        }
        let next = Here(frame: frames.count, pointer: "/" + pattern.body.rawValue)
        var arguments: [String: (value: JSONValue, here: Here)] = [:]
        for parameter in pattern.parameters {
            if let value = given[parameter.name] {
                let argument = (value: value, here: with.inside(parameter.name))
                if let problem = parameter.problem(with: evaluated(argument)) {
                    report(written(argument), problem, "The pattern `\(pattern.key)` takes that only.")
                    isSound = false
                }
                arguments[parameter.name] = argument
            } else if let fallback = parameter.fallback {
                let place = Here(frame: next.frame, pointer: "/parameters/\(parameter.name)/default")
                arguments[parameter.name] = (value: fallback, here: place)
            } else {
                report(
                    here.inside("extends"), "The pattern `\(pattern.key)` needs `\(parameter.name)`.",
                    "Add `\(parameter.name)` under `with`.")
                isSound = false
            }
        }
        guard isSound else { return nil }
        frames.append(Frame(pattern: pattern, use: here.inside("extends"), arguments: arguments))
        return next
    }
}
