/// Workers and connections; of all tenants for the operator, of one for its people.
package struct PlatformPage: ConsolePage {
    package static let template = "platform"

    package struct Worker: Sendable {
        /// The tenant's name; empty on a tenant's own page.
        package let tenant: String
        package let href: String
        package let status: Status
        package let state: String
        /// `1,204`; empty when none runs.
        package let process: String
        /// Achieved isolation: `own uid, Landlock, seccomp` or `shared-uid`.
        package let isolation: String
        package let isIsolationWeak: Bool
        package let leased: String
        package let resident: String
        package let heartbeat: String
        package let restarts: String

        package init(
            tenant: String = "", href: String = "", status: Status, state: String, process: String, isolation: String,
            isIsolationWeak: Bool = false, leased: String, resident: String, heartbeat: String, restarts: String
        ) {
            self.tenant = tenant
            self.href = href
            self.status = status
            self.state = state
            self.process = process
            self.isolation = isolation
            self.isIsolationWeak = isIsolationWeak
            self.leased = leased
            self.resident = resident
            self.heartbeat = heartbeat
            self.restarts = restarts
        }
    }

    package struct Connection: Sendable {
        package let tenant: String
        package let name: String
        /// `erp, generic REST`.
        package let kind: String
        package let status: Status
        package let state: String
        /// When its worker told of it last.
        package let heard: String
        /// `412 of 5,000` requests of the day.
        package let budget: String
        package let isBudgetShort: Bool
        package let limit: String

        package init(
            tenant: String = "", name: String, kind: String, status: Status, state: String, heard: String,
            budget: String, isBudgetShort: Bool = false, limit: String
        ) {
            self.tenant = tenant
            self.name = name
            self.kind = kind
            self.status = status
            self.state = state
            self.heard = heard
            self.budget = budget
            self.isBudgetShort = isBudgetShort
            self.limit = limit
        }
    }

    /// A promised sign of life.
    package struct Beat: Sendable {
        package let tenant: String
        /// `part`, `lane`, `worker`, `connection`, `job`.
        package let kind: String
        package let subject: String
        package let status: Status
        package let state: String
        /// How long ago it came last.
        package let age: String
        /// `every 15 s, 45 s more once`.
        package let promise: String

        package init(
            tenant: String = "", kind: String, subject: String, status: Status, state: String, age: String, promise: String
        ) {
            self.tenant = tenant
            self.kind = kind
            self.subject = subject
            self.status = status
            self.state = state
            self.age = age
            self.promise = promise
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let figures: [Figure]
    package let workers: [Worker]
    package let connections: [Connection]
    package let beats: [Beat]
    package let isAllTenants: Bool
    package let workersEmpty: EmptyState?
    package let connectionsEmpty: EmptyState?

    package init(
        frame: Frame, head: PageHead, figures: [Figure] = [], workers: [Worker], connections: [Connection],
        beats: [Beat] = [], isAllTenants: Bool, workersEmpty: EmptyState? = nil, connectionsEmpty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.figures = figures
        self.workers = workers
        self.connections = connections
        self.beats = beats
        self.isAllTenants = isAllTenants
        self.workersEmpty = workersEmpty
        self.connectionsEmpty = connectionsEmpty
    }
}
