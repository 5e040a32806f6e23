internal import Flow
internal import Kernel
internal import Records
internal import Telemetry
internal import Tenancy
internal import WebKernel

/// Documents: handing in, listing, and the stored bytes.
struct DocumentRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] {
        let looking = services.looking
        return [
            submit,
            services.reading(
                "documents", .runsRead,
                RouteDocumentation(
                    "listDocuments", "Documents, newest first.", parameters: PageRequest.parameters,
                    responseSchema: DocumentRoutes.object, problems: [400])
            ) { request, context in
                let page = try PageRequest(request)
                let rows = try await looking.documents(
                    context.scope.id, before: try page.position(DocumentID.self), limit: page.limit)
                return page.answer(rows.map(Views.document), last: rows.last.map { ($0.receivedAt, $0.id) })
            },
            services.reading(
                "documents/{id}", .runsRead,
                RouteDocumentation("getDocument", "One document.", responseSchema: DocumentRoutes.object)
            ) { request, context in
                Views.document(try await looking.document(context.scope.id, try request.id()))
            },
            services.reading(
                "invoices/{id}", .runsRead,
                RouteDocumentation("getInvoice", "One invoice in canonical form.", responseSchema: DocumentRoutes.object)
            ) { request, context in
                let row = try await looking.invoice(context.scope.id, try request.id())
                return [
                    "id": JSONValue(row.id), "document": JSONValue(row.document), "invoice": row.content,
                    "findings": row.findings,
                ]
            },
            content,
        ]
    }

    /// The body is the document itself; the same bytes again answer with the earlier document.
    private var submit: Route {
        Route(
            .post, "/api/v1/tenants/{tenant}/documents", access: .permission(Permission.documentsSubmit.rawValue),
            documentation: RouteDocumentation(
                "submitDocument", "Hands in a document. The same bytes again are the same document.",
                parameters: [.init("fileName", "The file's name, as a person would recognise it.")],
                requestSchema: ["type": "string", "format": "binary"], requestType: "application/octet-stream",
                responseSchema: DocumentRoutes.object,
                responseStatus: 201, otherStatuses: [200], problems: [400, 413, 422]),
            bodyBytesMax: Intake.documentBytesMax + 1
        ) { [services] request in
            let context = try await services.access.enter(
                request, slug: try request.parameter("tenant"), permission: .documentsSubmit)
            let trace = request.headers["traceparent"].flatMap { TraceContext(traceparent: $0) }
            let receipt = try await services.intake.receive(
                request.body, fileName: request.query("fileName") ?? "document", channel: .api, scope: context.scope,
                recordedBy: context.visitor.identity.person.id, trace: trace)
            var body = Views.document(receipt.document).object ?? [:]
            body["new"] = .bool(receipt.isNew)
            return .json(.object(body), status: receipt.isNew ? 201 : 200)
        }
    }

    /// Always as an attachment of an opaque type: whatever a sender put into it never runs in a browser under our name.
    private var content: Route {
        Route(
            .get, "/api/v1/tenants/{tenant}/documents/{id}/content", access: .permission(Permission.runsRead.rawValue),
            documentation: RouteDocumentation(
                "getDocumentContent", "The bytes as they came.", responseSchema: ["type": "string", "format": "binary"])
        ) { [services] request in
            let context = try await services.access.enter(request, slug: try request.parameter("tenant"), permission: .runsRead)
            let row = try await services.looking.document(context.scope.id, try request.id())
            let bytes = try await services.looking.documentBytes(context.scope.id, row.id)
            return WebResponse(
                status: 200,
                headers: WebHeaders([
                    (name: "Content-Type", value: "application/octet-stream"),
                    (name: "Content-Disposition", value: "attachment; filename*=UTF-8''\(percentEncoded(row.fileName))"),
                    (name: "Content-Security-Policy", value: "default-src 'none'; sandbox"),
                ]), body: .bytes(bytes))
        }
    }
}
