import Kernel

/// A request without what the connection adds: base URL, credentials, bounds.
struct PlannedRequest: Sendable, Equatable {
    let purpose: ExchangeRequest.Purpose
    let method: String
    /// Path and query.
    let target: String
    /// After the server's root instead of the base URL, as next-page links are.
    let isFromRoot: Bool
    let headers: [String: String]
    let body: JSONValue?

    init(
        _ purpose: ExchangeRequest.Purpose, method: String, target: String, isFromRoot: Bool = false,
        headers: [String: String] = [:],
        body: JSONValue? = nil
    ) {
        self.purpose = purpose
        self.method = method
        self.target = target
        self.isFromRoot = isFromRoot
        self.headers = headers
        self.body = body
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

/// A finder at work: pages in, matching entries out, or how the attempt ends when the search itself fails.
struct ObjectSearch: Sendable {
    enum Step: Sendable, Equatable {
        case send(PlannedRequest)
        case entries([JSONValue], headers: JSONValue)
        /// The search brought nothing, and this is why; reading has no effect, so never "in doubt".
        case failed(ConnectorOutcome)
    }

    private let finder: ObjectMapping.Finder
    private let scope: MappingScope
    private let purpose: ExchangeRequest.Purpose
    private var pages: PagedSearch
    private var lastHeaders: JSONValue = .null

    init(_ finder: ObjectMapping.Finder, scope: MappingScope, origin: String, purpose: ExchangeRequest.Purpose) {
        self.finder = finder
        self.scope = scope
        self.purpose = purpose
        pages = PagedSearch(shape: finder.request, paging: finder.paging, items: finder.items, scope: scope, origin: origin)
    }

    mutating func begin() -> Step {
        do throws(MappingFailure) {
            return step(try pages.first())
        } catch {
            return .failed(.refused(code: "mapping", message: "The request cannot be made: \(error.message)."))
        }
    }

    mutating func handle(_ result: ExchangeResult) -> Step {
        switch result {
        case .failure(let failure):
            return .failed(.failed(code: failure.code, message: failure.message, retryAfterSeconds: failure.retryAfterSeconds))
        case .reading(.ok(let document, let headers)):
            lastHeaders = headers
            return step(pages.take(document, headers: headers))
        case .reading(.absent):
            // A list that has nothing is empty; one that does not exist is another place than the mapping thinks.
            guard finder.items == nil else {
                return .failed(.failed(code: "protocol", message: "The system knows no such list.", retryAfterSeconds: nil))
            }
            return .entries([], headers: .null)
        case .reading(.refused(let code, let message)): return .failed(.refused(code: code, message: message))
        case .reading(.retry(let code, let message, let seconds, _)):
            return .failed(.failed(code: code, message: message, retryAfterSeconds: seconds))
        case .reading(.auth(let message)): return .failed(.failed(code: "auth", message: message, retryAfterSeconds: nil))
        case .reading(.broken(let message)): return .failed(.failed(code: "protocol", message: message, retryAfterSeconds: nil))
        }
    }

    private func step(_ next: PagedSearch.Next) -> Step {
        switch next {
        case .request(let target, let isFromRoot):
            // A search by POST repeats its body with every page.
            let body: JSONValue?
            do throws(MappingFailure) {
                body = try finder.request.body?.value(in: scope)
            } catch {
                return .failed(.refused(code: "mapping", message: "The request cannot be made: \(error.message)."))
            }
            return .send(
                PlannedRequest(
                    purpose, method: isFromRoot ? "GET" : finder.request.method, target: target, isFromRoot: isFromRoot,
                    body: isFromRoot ? nil : body))
        case .done(let all):
            let matching = all.filter { entry in
                let focused = scope.focused(on: entry)
                return finder.matching.allSatisfy { $0.difference(in: focused) == nil }
            }
            return .entries(matching, headers: lastHeaders)
        case .broken(let message):
            return .failed(.failed(code: "protocol", message: "The list cannot be read: \(message).", retryAfterSeconds: nil))
        }
    }
}
