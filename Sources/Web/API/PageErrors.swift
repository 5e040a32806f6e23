package import Kernel
package import WebKernel

/// Refusals and faults as people see them: a page for a page, a problem document for the API.
package struct PageErrors: Sendable {
    private let services: Services

    package init(services: Services) { self.services = services }

    package func response(_ refusal: Refusal, _ request: WebRequest, _ route: Route?) async -> WebResponse {
        Problem.response(refusal, request: request.id)
    }

    package func response(_ error: any Error, _ request: WebRequest) async -> WebResponse {
        Problem.internalError(request: request.id)
    }
}
