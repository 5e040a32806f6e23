package import Flow
internal import Handoff
package import Kernel
package import WebKernel

/// What the server knows of worker processes; the supervisor answers.
package struct WorkerGate: Sendable {
    /// The worker behind a session token, or nil.
    package let identify: @Sendable (String) -> WorkerIdentity?
    /// A worker said hello: process id, achieved level, kinds of work.
    package let greeted: @Sendable (WorkerIdentity, JSONValue) async -> Void
    /// A sign of life with what it reports of itself.
    package let beat: @Sendable (WorkerIdentity, JSONValue) async -> Void
    /// Whether the worker should end when it has nothing to do.
    package let isDraining: @Sendable (WorkerIdentity) -> Bool
    /// Whether the worker's achieved level is what its tenant demands; work is leased only then.
    package let mayWork: @Sendable (WorkerIdentity) -> Bool

    package init(
        identify: @escaping @Sendable (String) -> WorkerIdentity?,
        greeted: @escaping @Sendable (WorkerIdentity, JSONValue) async -> Void,
        beat: @escaping @Sendable (WorkerIdentity, JSONValue) async -> Void,
        isDraining: @escaping @Sendable (WorkerIdentity) -> Bool,
        mayWork: @escaping @Sendable (WorkerIdentity) -> Bool
    ) {
        self.identify = identify
        self.greeted = greeted
        self.beat = beat
        self.isDraining = isDraining
        self.mayWork = mayWork
    }
}

/// The workers' side of the server: lease, report, heartbeat, document bytes. Served on a unix socket of its own.
package struct HandoffRoutes: Sendable {
    static let heartbeatSeconds: Int64 = 5
    static let leaseWaitMax: Int64 = 20_000
    static let capacityMax = 64
    static let reportsMax = 200

    private let posting: Posting
    private let desk: WorkerDesk
    private let asking: Asking
    private let gate: WorkerGate
    private let watch: ConnectionWatch

    package init(posting: Posting, desk: WorkerDesk, asking: Asking, gate: WorkerGate, watch: ConnectionWatch) {
        self.posting = posting
        self.desk = desk
        self.asking = asking
        self.gate = gate
        self.watch = watch
    }

    /// The worker of the request's session token; the tenant comes from here and from nothing in the message.
    private func worker(_ request: WebRequest) throws(Refusal) -> WorkerIdentity {
        guard let header = request.headers["authorization"], header.hasPrefix("Bearer "),
            let worker = gate.identify(String(header.dropFirst(7)))
        else {
            throw Refusal(.unauthenticated, reason: "worker.session", "This worker session is not known.")
        }
        return worker
    }

    package var all: [Route] { [hello, lease, report, heartbeat, document] }

    private var hello: Route {
        Route(.post, "/handoff/v1/hello", access: .worker) { request in
            let worker = try worker(request)
            await gate.greeted(worker, try request.strictJSON(maxBytes: 16_384))
            return .json([
                "heartbeatSeconds": JSONValue(HandoffRoutes.heartbeatSeconds),
                "leaseWaitSeconds": JSONValue(HandoffRoutes.leaseWaitMax / 1000),
            ])
        }
    }

    private var lease: Route {
        Route(.post, "/handoff/v1/lease", access: .worker) { request in
            let worker = try worker(request)
            let body = try request.strictJSON(maxBytes: 16_384)
            let capacity = min(max(body["capacity"]?.int ?? 1, 0), HandoffRoutes.capacityMax)
            let wait = min(max(body["waitMilliseconds"]?.int64 ?? 10_000, 0), HandoffRoutes.leaseWaitMax)
            let kinds = (body["kinds"]?.array ?? []).compactMap { $0.string }.filter { WorkKind(rawValue: $0) != nil }
            let draining = gate.isDraining(worker)
            let ready = asking.take(for: worker)
            var leases: [WorkLease] = []
            if ready.isEmpty, !draining, gate.mayWork(worker) {
                leases = await desk.lease(worker, kinds: kinds, capacity: capacity, waitMilliseconds: wait)
            }
            let asks = ready.isEmpty ? asking.take(for: worker) : ready
            return .json(LeaseAnswer(leases: leases, asks: asks, drain: gate.isDraining(worker)).json)
        }
    }

    private var report: Route {
        Route(.post, "/handoff/v1/report", access: .worker, bodyBytesMax: 33_554_432) { request in
            let worker = try worker(request)
            let body = try request.strictJSON(maxBytes: 33_554_432)
            let reports = body["reports"]?.array ?? []
            guard reports.count <= HandoffRoutes.reportsMax else {
                throw Refusal(.tooLarge, reason: "report.count", "At most \(HandoffRoutes.reportsMax) reports at once.")
            }
            for answer in body["answers"]?.array ?? [] {
                guard let id = answer["id"]?.string else { continue }
                if let error = answer["error"] {
                    asking.answer(
                        id, .failed(code: error["code"]?.string ?? "failed", message: error["message"]?.string ?? ""),
                        from: worker)
                } else {
                    asking.answer(id, .output(answer["output"] ?? .null), from: worker)
                }
            }
            let taken = try reports.map { json in try WorkReport(json: json) }
            let verdicts = zip(taken, try await posting.receive(taken, from: worker)).map { report, verdict -> JSONValue in
                ["token": .string(report.token), "verdict": .string(verdict.rawValue)]
            }
            return .json(["verdicts": .array(verdicts)])
        }
    }

    private var heartbeat: Route {
        Route(.post, "/handoff/v1/heartbeat", access: .worker) { request in
            let worker = try worker(request)
            let body = try request.strictJSON()
            await gate.beat(worker, body)
            let news = (body["connections"]?.array ?? []).prefix(ConnectionNews.countMax).enumerated().compactMap {
                try? ConnectionNews(json: $1, at: "/connections/\($0)")  // what does not read must not cost a worker its leases
            }
            await watch.hear(Array(news), from: worker)
            let tokens = (body["leases"]?.array ?? []).compactMap { $0.string }
            let (extended, lost) = try await posting.heartbeat(
                Array(tokens.prefix(HandoffRoutes.capacityMax)), from: worker, seconds: 3 * HandoffRoutes.heartbeatSeconds)
            return .json([
                "extended": .array(extended.map { ["token": .string($0.0), "expiresAt": JSONValue($0.1)] }),
                "lost": .array(lost.map(JSONValue.string)), "drain": .bool(gate.isDraining(worker)),
            ])
        }
    }

    private var document: Route {
        Route(.get, "/handoff/v1/document", access: .worker) { request in
            let worker = try worker(request)
            guard let token = request.headers["lease-token"] else { throw Refusal.notFound }
            let bytes = try await posting.document(leaseToken: token, worker: worker)
            return WebResponse(
                status: 200, headers: WebHeaders([(name: "Content-Type", value: "application/octet-stream")]), body: .bytes(bytes)
            )
        }
    }
}
