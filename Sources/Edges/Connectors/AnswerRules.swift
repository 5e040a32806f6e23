import Kernel

/// What an answer means: the system's own signs for errors, from statuses and from places in the body, for the systems that say
/// "200 OK" and mean otherwise.
struct AnswerRules: Sendable {
    static let rulesMax = 64
    /// Characters of the system's own words that are kept; they go into an exception's evidence.
    static let messageMax = 500
    static let nameBytesMax = 200
    static let retryAfterSecondsMax = 3_600

    enum Meaning: String, Sendable, CaseIterable {
        case ok
        /// The object does not exist.
        case absent
        case refused
        /// The system would do it if a person said so.
        case confirm
        /// The object was changed by somebody else since it was read.
        case stale
        /// Somebody else holds what the request needed; it was not carried out.
        case contention
        case retry
        case rateLimit = "rate-limit"
        case auth
        case `protocol`

        /// An answer of this kind says by itself that nothing was done.
        var isWithoutEffect: Bool { self == .contention || self == .rateLimit }
    }

    /// In `codes`: any failure that has a code at all.
    static let anyCode = "*"

    struct Rule: Sendable {
        let statuses: [Int]
        let codes: [String]
        let meaning: Meaning
        /// Whether a write that was answered so certainly had no effect.
        let isWithoutEffect: Bool?
        /// Our code for it; else the system's own.
        let code: String?
        /// Where this kind of failure has its words; else where all have.
        let message: ValuePath?
        /// Where a question to a person has its name.
        let name: ValuePath?
    }

    let contentTypes: [String]
    /// Members without which a good answer is none; they may be `null`.
    let present: [String]
    /// A value at `failureCode` means failure, whatever the status says.
    let failureCode: ValuePath?
    /// The first of them that holds a text.
    let failureMessages: [ValuePath]
    let rules: [Rule]

    /// An answer, understood.
    enum Reading: Sendable, Equatable {
        case ok(JSONValue, headers: JSONValue)
        case absent
        case refused(code: String, message: String)
        /// Declined until a person confirms; `name` is what the system calls its question.
        case soft(name: String, message: String)
        /// Declined, since the object is another one than we think.
        case stale(message: String)
        case retry(code: String, message: String, retryAfterSeconds: Int?, isWithoutEffect: Bool)
        case auth(message: String)
        /// Not what the system speaks: an HTML page, broken JSON, a redirect.
        case broken(message: String, isWithoutEffect: Bool)
    }

    func read(_ answer: ExchangeAnswer, now: Moment) -> Reading {
        let document = document(of: answer)
        var scope = MappingScope([:])
        if case .success(let json) = document { scope = scope.focused(on: json) }
        let failure = failureCode?.value(in: scope).flatMap { AnswerRules.word($0) }
        let rule = rules.first { rule in
            (rule.statuses.isEmpty || rule.statuses.contains(answer.status)) && rule.fits(failure)
        }
        let isFailure = failure != nil || !(200...299).contains(answer.status)
        let meaning = rule?.meaning ?? (isFailure ? AnswerRules.standard(answer.status, hasFailure: failure != nil) : .ok)
        if rule == nil, meaning == .absent || meaning == .refused, answer.status != 416, case .failure(let problem) = document {
            // A page of some gateway in between: "not found" there says nothing about the object, and "no" nothing about the
            // business.
            return .broken(message: problem.message, isWithoutEffect: false)
        }
        let places = (rule?.message).map { [$0] } ?? []
        let words = (places + failureMessages).lazy.compactMap { $0.value(in: scope)?.string }.first { !$0.isEmpty }
        let message = words.map(AnswerRules.tidy) ?? "The system answered with status \(answer.status)."
        let code = rule?.code ?? failure ?? "http-\(answer.status)"
        let isWithoutEffect = rule?.isWithoutEffect ?? meaning.isWithoutEffect
        switch meaning {
        case .ok: return good(document, answer)
        case .absent: return .absent
        case .refused: return .refused(code: code, message: message)
        case .confirm:
            guard let name = rule?.name?.value(in: scope)?.string, !name.isEmpty, name.utf8.count <= AnswerRules.nameBytesMax
            else {
                return .refused(code: code, message: message)
            }
            return .soft(name: name, message: message)
        case .stale: return .stale(message: message)
        case .auth: return .auth(message: message)
        case .protocol: return .broken(message: message, isWithoutEffect: isWithoutEffect)
        case .retry, .rateLimit, .contention:
            return .retry(
                code: meaning == .retry ? code : meaning.rawValue, message: message,
                retryAfterSeconds: answer.header("retry-after").flatMap { AnswerRules.seconds($0, now: now) },
                isWithoutEffect: isWithoutEffect)
        }
    }

    /// A good answer, when it also has the form of one.
    private func good(_ document: Result<JSONValue, ValuePath.Problem>, _ answer: ExchangeAnswer) -> Reading {
        switch document {
        case .failure(let problem): return .broken(message: problem.message, isWithoutEffect: false)
        case .success(let json):
            if let missing = present.first(where: { json.object?[$0] == nil }) {
                return .broken(message: "The system's answer lacks `\(missing)`.", isWithoutEffect: false)
            }
            return .ok(json, headers: AnswerRules.headers(answer))
        }
    }

    /// What statuses mean where the mapping says nothing. A redirect is not followed, so it is not an answer.
    private static func standard(_ status: Int, hasFailure: Bool) -> Meaning {
        switch status {
        case 401, 403, 407: .auth
        case 404, 410, 416: .absent
        case 429: .rateLimit
        case 408, 425: .retry
        case 400...499: .refused
        case 500...599: .retry
        case 200...299 where hasFailure: .retry
        default: .protocol
        }
    }

    private func document(of answer: ExchangeAnswer) -> Result<JSONValue, ValuePath.Problem> {
        if answer.body.isEmpty, answer.status == 204 { return .success(.null) }
        let type = answer.header("content-type")?.prefix { $0 != ";" }.lowercased() ?? ""
        let name = type.filter { $0 != " " }
        guard contentTypes.contains(name) else {
            return .failure(
                ValuePath.Problem(
                    "The system answered with \(name.isEmpty ? "no content type" : String(name.prefix(60))) instead of JSON."))
        }
        do throws(JSONParseFailure) {
            return .success(try JSONValue(parsing: answer.body))
        } catch {
            return .failure(ValuePath.Problem("The system's answer is not JSON (\(error))."))
        }
    }

    private static func headers(_ answer: ExchangeAnswer) -> JSONValue {
        var object = JSONObject()
        for header in answer.headers where object[header.name] == nil { object[header.name] = .string(header.value) }
        return .object(object)
    }

    private static func word(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let flag): flag ? "true" : nil
        case .null: nil
        case .array, .object: value.text
        }
    }

    /// One line, bounded: it is shown to people and comes from outside.
    static func tidy(_ text: String) -> String {
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(messageMax) {
            out.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
        }
        return String(out)
    }

    /// Seconds, or a date of RFC 9110; at most an hour.
    static func seconds(_ text: String, now: Moment) -> Int? {
        if let seconds = Int(text), seconds >= 0 { return min(seconds, retryAfterSecondsMax) }
        guard let date = HTTPDate.moment(text) else { return nil }
        return Int(min(max(0, date.seconds(since: now)), Int64(retryAfterSecondsMax)))
    }

    static func parse(_ json: JSONValue?, at pointer: String, issues: inout [AssetIssue]) -> AnswerRules? {
        guard
            let reader = MappingReader(
                json, at: pointer, "The answers", ["contentTypes", "present", "failure", "rules"], issues: &issues)
        else { return nil }
        var types = reader.texts("contentTypes", upTo: 8, issues: &issues).map { $0.lowercased() }
        if types.isEmpty { types = ["application/json", "application/problem+json"] }
        var code: ValuePath?
        var messages: [ValuePath] = []
        if let failure = reader.object["failure"],
            let inner = MappingReader(failure, at: reader.path("failure"), "The failure", ["code", "message"], issues: &issues)
        {
            code = inner.valuePath("code", issues: &issues)
            messages = inner.valuePaths("message", issues: &issues)
            if inner.object["code"] == nil {
                issues.append(AssetIssue(inner.pointer, "The failure lacks `code`.", remedy: "Add the place of its code."))
            }
        }
        let entries = reader.object["rules"]?.array ?? []
        if reader.object["rules"] != nil, reader.object["rules"]?.array == nil || entries.count > rulesMax {
            issues.append(
                AssetIssue(
                    reader.path("rules"), "`rules` has to be a list of at most \(rulesMax).",
                    remedy: "Write each rule after `- `."))
        }
        var rules: [Rule] = []
        for (index, entry) in entries.prefix(rulesMax).enumerated() {
            if let rule = rule(entry, at: "\(reader.path("rules"))/\(index)", hasCode: code != nil, issues: &issues) {
                rules.append(rule)
            }
        }
        return AnswerRules(
            contentTypes: types, present: reader.texts("present", upTo: 8, issues: &issues), failureCode: code,
            failureMessages: messages, rules: rules)
    }

    private static let ruleMembers = ["status", "codes", "meaning", "effect", "code", "message", "name"]

    private enum Effect: String, CaseIterable { case none, unknown }

    private static func rule(_ json: JSONValue, at pointer: String, hasCode: Bool, issues: inout [AssetIssue]) -> Rule? {
        guard
            let reader = MappingReader(
                json, at: pointer, "A rule", ruleMembers, issues: &issues),
            let meaning = reader.choice("meaning", Meaning.self, otherwise: nil, issues: &issues)
        else { return nil }
        let statuses = (reader.object["status"]?.array ?? []).compactMap(\.int)
        if let written = reader.object["status"],
            written.array?.count != statuses.count || !statuses.allSatisfy({ (100...599).contains($0) })
        {
            issues.append(
                AssetIssue(reader.path("status"), "`status` has to be a list of statuses.", remedy: "Write [429] or [400, 422]."))
        }
        let codes = reader.texts("codes", upTo: 64, issues: &issues)
        if statuses.isEmpty, codes.isEmpty {
            issues.append(AssetIssue(pointer, "A rule needs `status` or `codes`.", remedy: "Say which answers it is about."))
        }
        if !codes.isEmpty, !hasCode {
            issues.append(
                AssetIssue(
                    reader.path("codes"), "Codes are read from `failure.code`, which is missing.",
                    remedy: "Add `failure` with `code`."))
        }
        var isWithoutEffect: Bool?
        if reader.object["effect"] != nil {
            isWithoutEffect = reader.choice("effect", Effect.self, otherwise: nil, issues: &issues).map { $0 == .none }
        }
        if (meaning == .confirm) != (reader.object["name"] != nil) {
            issues.append(
                AssetIssue(
                    pointer, "A question to a person and its `name` belong together.",
                    remedy: "Write `meaning: confirm` with `name`, the place of what the system calls the question."))
        }
        return Rule(
            statuses: statuses, codes: codes, meaning: meaning, isWithoutEffect: isWithoutEffect,
            code: reader.optionalText("code", issues: &issues), message: reader.valuePath("message", issues: &issues),
            name: reader.valuePath("name", issues: &issues))
    }
}

extension AnswerRules.Rule {
    fileprivate func fits(_ failure: String?) -> Bool {
        guard !codes.isEmpty else { return true }
        guard let failure else { return false }
        return codes.contains { $0 == AnswerRules.anyCode || sameBytes($0, failure) }
    }
}
