internal import WebKernel

/// The console's pages.
struct PageRoutes: Sendable {
    let services: Services
    init(_ services: Services) { self.services = services }
    var all: [Route] { [] }
}
