/// What an objective of a contract is about.
package enum ContractMeasure: String, Sendable, Hashable, CaseIterable {
    /// A clock that a workflow starts and stops by the objective's own name. Files do not write it.
    case runClock = "run-clock"
    /// From the opening of an incident to the first answer of a person.
    case firstResponse = "first-response"
    /// From the opening of an incident to its end.
    case resolution
    /// From the beginning of a tenant's onboarding to its first governed case.
    case onboarding
    /// Runs that completed without anybody having touched them. No clock: each run is a case when it ends.
    case touchless

    /// Those that files write, and whose word is a name that says it without being written.
    package static let written = allCases.filter { $0 != .runClock }

    package var isAboutIncidents: Bool { self == .firstResponse || self == .resolution }
    package var hasClock: Bool { self != .touchless }
}
