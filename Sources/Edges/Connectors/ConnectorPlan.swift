import Kernel

/// A request without what the connection adds: base URL, credentials, bounds.
struct PlannedRequest: Sendable, Equatable {
    let purpose: ExchangeRequest.Purpose
    let method: String
    /// Path and query.
    let target: String
    /// After the server's root instead of the base URL, as next-page links are.
    let isFromRoot: Bool
    var headers: [String: String]
    let body: JSONValue?
    /// One of the mapping's dialects; nil for the standard one.
    let dialect: String?

    init(
        _ purpose: ExchangeRequest.Purpose, method: String, target: String, isFromRoot: Bool = false,
        headers: [String: String] = [:], body: JSONValue? = nil, dialect: String? = nil
    ) {
        self.purpose = purpose
        self.method = method
        self.target = target
        self.isFromRoot = isFromRoot
        self.headers = headers
        self.body = body
        self.dialect = dialect
    }
}

/// What came of a planned request.
enum ExchangeResult: Sendable, Equatable {
    case reading(AnswerRules.Reading)
    case failure(ExchangeFailure)
}

enum PlanStep: Sendable, Equatable {
    case send(PlannedRequest)
    case finish(ConnectorOutcome)
}

/// A conversation with the other side as a pure value: it is told what came back and says what follows.
protocol ConnectorPlan: Sendable {
    mutating func begin() -> PlanStep
    mutating func handle(_ result: ExchangeResult) -> PlanStep
}

extension MappingFailure {
    /// The attempt ends: nothing was sent for this value, and sending it again cannot help.
    func outcome(_ sentence: String) -> ConnectorOutcome {
        let suffix = place.isEmpty ? "" : " (\(place))"
        return .refused(code: code, message: "\(sentence): \(message)\(suffix).")
    }
}

extension ExchangeResult {
    /// How an attempt ends that needed this answer to be good and whose request had no effect; nil when it was good.
    func failure(_ what: String) -> ConnectorOutcome? {
        switch self {
        case .failure(let failure):
            .failed(code: failure.code, message: failure.message, retryAfterSeconds: failure.retryAfterSeconds)
        case .reading(.ok): nil
        case .reading(.absent):
            .failed(code: "protocol", message: "The system knows no such place (\(what)).", retryAfterSeconds: nil)
        case .reading(.refused(let code, let message)): .refused(code: code, message: message)
        case .reading(.soft(let name, let message)): .refused(code: name, message: message)
        case .reading(.stale(let message)): .failed(code: "stale", message: message, retryAfterSeconds: nil)
        case .reading(.retry(let code, let message, let seconds, _)):
            .failed(code: code, message: message, retryAfterSeconds: seconds)
        case .reading(.auth(let message)): .failed(code: "auth", message: message, retryAfterSeconds: nil)
        case .reading(.broken(let message, _)): .failed(code: "protocol", message: message, retryAfterSeconds: nil)
        }
    }
}
