import Kernel

/// A finder or a look-up at work: pages in, matching entries out, or how the attempt ends when the search itself fails.
struct ObjectSearch: Sendable {
    enum Step: Sendable, Equatable {
        case send(PlannedRequest)
        case entries([JSONValue], headers: JSONValue)
        /// The search brought nothing, and this is why; reading has no effect, so never "in doubt".
        case failed(ConnectorOutcome)
    }

    private let items: ValuePath?
    private let matching: [Comparison]
    private let scope: MappingScope
    private var pages: PagedSearch
    private var lastHeaders: JSONValue = .null

    init(
        _ request: RequestShape, paging: Paging, items: ValuePath?, matching: [Comparison], scope: MappingScope, origin: String,
        purpose: ExchangeRequest.Purpose
    ) {
        self.items = items
        self.matching = matching
        self.scope = scope
        pages = PagedSearch(shape: request, paging: paging, items: items, scope: scope, origin: origin, purpose: purpose)
    }

    mutating func begin() -> Step {
        do throws(MappingFailure) {
            return step(try pages.first())
        } catch {
            return .failed(error.outcome("The request cannot be made"))
        }
    }

    mutating func handle(_ result: ExchangeResult) -> Step {
        switch result {
        case .reading(.ok(let document, let headers)):
            lastHeaders = headers
            return step(pages.take(document, headers: headers))
        case .reading(.absent) where items == nil: return .entries([], headers: .null)
        case .reading(.absent) where pages.endsBehindTheLast != nil: return step(.done(pages.endsBehindTheLast ?? []))
        // A list that has nothing is empty; one that does not exist is another place than the mapping thinks.
        case .reading(.absent):
            return .failed(.failed(code: "protocol", message: "The system knows no such list.", retryAfterSeconds: nil))
        case .failure, .reading: return .failed(result.failure("search") ?? .absent)
        }
    }

    private func step(_ next: PagedSearch.Next) -> Step {
        switch next {
        case .request(let request): return .send(request)
        case .done(let all):
            let matching = all.filter { entry in
                let focused = scope.focused(on: entry)
                return self.matching.allSatisfy { $0.differences(in: focused).isEmpty }
            }
            return .entries(matching, headers: lastHeaders)
        case .broken(let failure): return .failed(failure)
        }
    }
}
