/// Everything the product lets a person do; routes name one of these, roles are sets of them.
///
/// Closed on purpose: a new permission is a question the compiler asks at every switch, and a role file cannot invent one.
package enum Permission: String, CaseIterable, Hashable, Sendable {
    case documentsSubmit = "documents.submit"
    case runsRead = "runs.read"
    case runsManage = "runs.manage"
    case approvalsRead = "approvals.read"
    case approvalsDecide = "approvals.decide"
    case paymentsPropose = "payments.propose"
    case exceptionsRead = "exceptions.read"
    case exceptionsResolve = "exceptions.resolve"
    case incidentsRead = "incidents.read"
    case incidentsManage = "incidents.manage"
    case serviceRead = "service.read"
    case reportsPrepare = "reports.prepare"
    case reportsSign = "reports.sign"
    case creditsApprove = "credits.approve"
    case contractsManage = "contracts.manage"
    case contractsSign = "contracts.sign"
    case clocksCorrect = "clocks.correct"
    case maintenanceAnnounce = "maintenance.announce"
    case auditRead = "audit.read"
    case evidencePull = "evidence.pull"
    case heartbeatsManage = "heartbeats.manage"
    case holdsManage = "holds.manage"
    case tasksRetry = "tasks.retry"
    case configurationRead = "configuration.read"
    case configurationApply = "configuration.apply"
    case connectionsRead = "connections.read"
    case connectionsTest = "connections.test"
    case peopleRead = "people.read"
    case peopleManage = "people.manage"
    case keysManage = "keys.manage"
    case workersRead = "workers.read"
    case fleetRead = "fleet.read"
    case metricsRead = "metrics.read"
    case brandRead = "brand.read"
    case brandManage = "brand.manage"
    case statusRead = "status.read"
    case statusManage = "status.manage"
    case statusPublish = "status.publish"
    case webhooksRead = "webhooks.read"
    case webhooksManage = "webhooks.manage"
    case onboardingRead = "onboarding.read"
    case onboardingManage = "onboarding.manage"
    case tenantsManage = "tenants.manage"

    /// Whether it opens what a tenant's documents say, or acts on it.
    ///
    /// Such a permission never reaches down from the operator or a partner: it needs a grant on the tenant itself.
    package var touchesPayload: Bool {
        switch self {
        case .documentsSubmit, .runsRead, .runsManage, .approvalsRead, .approvalsDecide, .paymentsPropose, .exceptionsRead,
            .exceptionsResolve, .holdsManage:
            true
        case .incidentsRead, .incidentsManage, .serviceRead, .contractsManage, .contractsSign, .clocksCorrect,
            .maintenanceAnnounce, .reportsPrepare, .reportsSign, .creditsApprove, .auditRead, .evidencePull, .tasksRetry,
            .configurationRead,
            .configurationApply,
            .connectionsRead, .connectionsTest, .heartbeatsManage, .peopleRead, .peopleManage, .keysManage, .workersRead,
            .fleetRead, .metricsRead, .brandRead, .brandManage, .statusRead, .statusManage, .statusPublish,
            .webhooksRead, .webhooksManage, .onboardingRead, .onboardingManage, .tenantsManage:
            false
        }
    }

    /// What it allows, in words for the role page.
    package var title: String {
        switch self {
        case .documentsSubmit: "Hand in documents"
        case .runsRead: "See invoices and their runs"
        case .runsManage: "Cancel and correct runs"
        case .approvalsRead: "See what waits for approval"
        case .approvalsDecide: "Approve and reject"
        case .paymentsPropose: "Ask for payments"
        case .exceptionsRead: "See exceptions"
        case .exceptionsResolve: "Resolve exceptions"
        case .incidentsRead: "See incidents"
        case .incidentsManage: "Acknowledge and resolve incidents"
        case .serviceRead: "See service levels"
        case .reportsPrepare: "Draft, justify, submit, send and amend monthly reports"
        case .reportsSign: "Sign off monthly reports, and waive their credits"
        case .creditsApprove: "Approve credits of reports that others wrote, and put them on bills"
        case .contractsManage: "Hand contracts in for review, turn them down, and ask for their end"
        case .contractsSign: "Sign contracts for one's own side"
        case .clocksCorrect: "Ask for corrections of clocks, and confirm a colleague's"
        case .maintenanceAnnounce: "Announce, move and cancel maintenance"
        case .auditRead: "Read the audit log"
        case .evidencePull: "Ask for evidence packs and take them away"
        case .heartbeatsManage: "Make and end the heartbeats of jobs outside"
        case .holdsManage: "Put what happened under legal hold, and release it"
        case .tasksRetry: "Retry work that gave up"
        case .configurationRead: "Read the configuration"
        case .configurationApply: "Change the configuration"
        case .connectionsRead: "See connections"
        case .connectionsTest: "Test connections"
        case .peopleRead: "See people and roles"
        case .peopleManage: "Hand out sign-in links, end sessions, remove lost second factors"
        case .keysManage: "Make and revoke keys of machines"
        case .workersRead: "See workers"
        case .fleetRead: "See all tenants at a glance"
        case .metricsRead: "Read metrics"
        case .brandRead: "See the brand"
        case .brandManage: "Change and publish the brand"
        case .statusRead: "See the status page as its owner does"
        case .statusManage: "Set up the status page and its components"
        case .statusPublish: "Write and publish notices on the status page"
        case .webhooksRead: "See webhooks and what was delivered"
        case .webhooksManage: "Set up webhooks, renew their secrets, send again"
        case .onboardingRead: "See how far onboardings have come"
        case .onboardingManage: "Confirm and skip steps of an onboarding"
        case .tenantsManage: "Register tenants, suspend and resume them"
        }
    }
}

/// Two permissions that no person may hold in overlapping scopes, whatever the roles are called.
package struct StaticConflict: Hashable, Sendable {
    /// Identifier in the duty-separation library.
    package let rule: String
    package let first: Permission
    package let second: Permission
    /// Why, in a sentence.
    package let reason: String

    package static let all = [
        StaticConflict(
            rule: "P18", first: .configurationApply, second: .approvalsDecide,
            reason: "Who sets the approval thresholds must not approve under them."),
        StaticConflict(
            rule: "S01", first: .peopleManage, second: .approvalsDecide,
            reason: "Who can let people in must not approve: they could come in as the second signature."),
    ]
}
