internal import Console
internal import WebKernel

/// The console's pages.
struct PageRoutes: Sendable {
    private let services: Services

    init(_ services: Services) { self.services = services }

    var all: [Route] {
        let console = services.console
        var routes: [Route] = []
        let door = SignInPages(services: services, console: console)
        routes += door.all
        routes += ProviderPages(services: services, console: console, door: door).all
        routes += RunPages(services: services, console: console).all
        routes += PaymentPages(services: services, console: console).all
        routes += InboxPages(services: services, console: console).all
        routes += ServicePages(services: services, console: console).all
        routes += BudgetPages(services: services, console: console).all
        routes += ReportPages(services: services, console: console).all
        routes += CreditPages(services: services, console: console).all
        routes += DelegationPages(services: services, console: console).all
        routes += ContractPages(services: services, console: console).all
        routes += MaintenancePages(services: services, console: console).all
        routes += IncidentPages(services: services, console: console).all
        routes += DocumentPages(services: services, console: console).all
        routes += PostmortemPages(services: services, console: console).all
        routes += RunbookPages(services: services, console: console).all
        routes += OnCallPages(services: services, console: console).all
        routes += FleetPages(services: services, console: console).all
        routes += PolicyPages(services: services, console: console).all
        routes += AccountPages(services: services, console: console).all
        routes += PeoplePages(services: services, console: console).all
        routes += RolloutPages(services: services, console: console).all
        routes += SchedulePages(services: services, console: console).all
        routes += AuditPages(services: services, console: console).all
        routes += OperationPages(services: services, console: console).all
        routes += EventPages(services: services, console: console).all
        routes += DeadLetterPages(services: services, console: console).all
        routes += BrandPages(services: services, console: console).all
        routes += BrandPreviewPages(services: services, console: console).all
        let reading = StatusReadingPages(services: services, console: console)
        routes += reading.all
        routes += StatusSubscriptionPages(services: services, console: console, reading: reading).all
        routes += StatusDeskPages(services: services, console: console).all
        routes += StatusSubscriberPages(services: services, console: console).all
        routes += WebhookPages(services: services, console: console).all
        routes += OnboardingPages(services: services, console: console).all
        routes += EvidencePages(services: services, console: console).all
        return routes
    }
}
