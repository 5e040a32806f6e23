package import Kernel

/// Whether a tenant may be worked in at all. Stopping work by hand (`work_stop`) is softer: people go on there.
package struct TenantLife: Sendable, Equatable {
    package static let reasonCharactersMax = 500

    package enum Phase: String, Sendable, CaseIterable {
        case active
        /// Its people are not let in and nothing is done for it; all that is its own stays, and its contracts' clocks go on.
        case suspended
    }

    package enum Event: Sendable, CaseIterable { case suspended, resumed }

    package enum Action: Sendable, Equatable { case stopWork, letWorkGoOn }

    package private(set) var phase: Phase

    package init(_ phase: Phase) { self.phase = phase }

    package mutating func handle(_ event: Event) throws(Refusal) -> Action {
        switch (event, phase) {
        case (.suspended, .active):
            phase = .suspended
            return .stopWork
        case (.resumed, .suspended):
            phase = .active
            return .letWorkGoOn
        case (.suspended, .suspended):
            throw Refusal(.conflict, reason: "tenant.suspended-already", "This tenant is suspended already.")
        case (.resumed, .active):
            throw Refusal(.conflict, reason: "tenant.active", "This tenant is not suspended.")
        }
    }

    package static func check(reason: String) throws(Refusal) {
        guard (1...reasonCharactersMax).contains(reason.unicodeScalars.count), reason.contains(where: { !$0.isWhitespace }) else {
            throw Refusal(
                .invalid, reason: "tenant.reason", "Say why in 1 to \(reasonCharactersMax) characters.",
                facts: ["field": "reason"])
        }
    }
}
