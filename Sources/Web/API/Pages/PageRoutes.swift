internal import Console
internal import WebKernel

/// The console's pages.
struct PageRoutes: Sendable {
    private let services: Services

    init(_ services: Services) { self.services = services }

    var all: [Route] {
        let console = services.console
        return SignInPages(services: services, console: console).all + RunPages(services: services, console: console).all
            + PaymentPages(services: services, console: console).all
            + InboxPages(services: services, console: console).all + ServicePages(services: services, console: console).all
            + IncidentPages(services: services, console: console).all + DocumentPages(services: services, console: console).all
            + RunbookPages(services: services, console: console).all
            + OnCallPages(services: services, console: console).all
            + FleetPages(services: services, console: console).all + PolicyPages(services: services, console: console).all
            + AccountPages(services: services, console: console).all + PeoplePages(services: services, console: console).all
            + AuditPages(services: services, console: console).all
            + OperationPages(services: services, console: console).all
            + DeadLetterPages(services: services, console: console).all
    }
}
