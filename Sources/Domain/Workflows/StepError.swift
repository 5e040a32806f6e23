import Kernel

/// Why a step failed.
struct StepError: Error, Sendable, Equatable {
    enum Kind: String, Sendable, CaseIterable {
        /// The other side declined for a business reason.
        case refused
        /// A write was found that differs.
        case mismatch
        /// The other side would go on if a person said so.
        case question
        /// The definition raised it.
        case raised
        /// A policy gave no decision.
        case policy
        /// An expression, a bound, a missing asset: the definition does not fit the data.
        case engine
        /// The step took longer than it may.
        case timeout
        /// A workflow that the step ran ended without an outcome of its own.
        case run
    }

    let kind: Kind
    /// An exception code such as `ERP_REJECTED`, or a word of the engine.
    let type: String
    let title: String
    let detail: String
    let step: String
    let data: JSONValue
    /// HTTP-like number of the problem, when it has one.
    let status: Int?

    var json: JSONValue {
        .object([
            "kind": .string(kind.rawValue), "type": .string(type), "title": .string(title), "detail": .string(detail),
            "step": .string(step), "data": data, "status": status.map { JSONValue($0) },
        ])
    }

    init(kind: Kind, type: String, title: String, detail: String, step: String, data: JSONValue = .null, status: Int? = nil) {
        self.kind = kind
        self.type = type
        self.title = title
        self.detail = detail
        self.step = step
        self.data = data
        self.status = status
    }

    init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "error")
        guard let kind = Kind(rawValue: try fields.string("kind")) else { throw fields.refusal("names no known kind") }
        self.init(
            kind: kind, type: try fields.string("type"), title: try fields.string("title"), detail: try fields.string("detail"),
            step: try fields.string("step"), data: fields.value("data"), status: try fields.optionalInt("status"))
    }

    // MARK: The form of plain Serverless Workflow

    static let typesBase = "https://serverlessworkflow.io/spec/1.0.0/errors/"
    /// Other spellings of the same base that are in use.
    private static let typesBasesKnown = ["https://serverlessworkflow.io/dsl/errors/types/"]

    /// As RFC 9457 writes problems; `instance` is the pointer of the step that failed.
    func problem(instance: String) -> JSONValue {
        let (type, status) = standard
        var out: JSONObject = ["type": .string(type)]
        if let status { out["status"] = JSONValue(status) }
        out["title"] = .string(title)
        if !detail.isEmpty { out["detail"] = .string(detail) }
        out["instance"] = .string(instance)
        return .object(out)
    }

    private var standard: (type: String, status: Int?) {
        switch kind {
        case .raised: (type, status)
        case .timeout: (StepError.typesBase + "timeout", 408)
        case .engine where type == "EXPRESSION": (StepError.typesBase + "expression", 400)
        case .engine where type == "CONFIGURATION": (StepError.typesBase + "configuration", 400)
        case .engine, .run: (StepError.typesBase + "runtime", 500)
        case .policy: (StepError.typesBase + "validation", 400)
        case .refused, .mismatch, .question: (StepError.typesBase + "communication", status ?? 500)
        }
    }

    /// A type by the base that is written, whichever spelling was used.
    static func normalised(type: String) -> String {
        for base in typesBasesKnown where type.hasPrefix(base) { return typesBase + type.dropFirst(base.count) }
        return type
    }
}
