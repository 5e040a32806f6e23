import Curl
import Finance
import Glibc
import Handoff
import Kernel
import Testing

@testable import WorkerLoop

/// The server's side of the handoff, scripted: what it has to give, and what it was told.
final class PretendControl: Sendable {
    struct State: Sendable {
        var leases: [WorkLease] = []
        var asks: [WorkAsk] = []
        var isDraining = false
        var lost: [String] = []
        var documents: [String: [UInt8]] = [:]
        /// Reactions that come before the normal ones, by path.
        var mishaps: [String: [Reaction]] = [:]
        var verdict = ReportVerdict.accepted
        var reports: [WorkReport] = []
        var answers: [AskAnswer] = []
        var capacities: [Int] = []
        var beats: [Heartbeat] = []
        fileprivate var waiters: [(condition: @Sendable (State) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private static let sockets = Locked(0)

    let state = Locked(State())
    let server: ScriptedServer
    let bootstrap: WorkerBootstrap

    init(capacity: Int = 4, platform: Bool = false, heartbeatSeconds: Int = 1) throws {
        let number = PretendControl.sockets.withLock { number -> Int in
            number += 1
            return number
        }
        let path = "/tmp/countersign-handoff-\(getpid())-\(number).sock"
        bootstrap = WorkerBootstrap(
            socket: path, session: "session-secret", tenant: TenantID(high: 1, low: 2), slug: "acme", reader: "/nowhere",
            capacity: capacity,
            platform: platform, requiredLevel: "L0", level: "L0")
        server = try ScriptedServer(socketPath: path) { [state] request in
            defer { PretendControl.tell(state) }
            return PretendControl.react(request, state, heartbeatSeconds)
        }
    }

    private static func react(_ request: ReceivedRequest, _ state: Locked<State>, _ heartbeatSeconds: Int) -> Reaction {
        guard request.headers["authorization"] == "Bearer session-secret" else { return .json(["title": "unknown"], status: 401) }
        let mishap = state.withLock { state -> Reaction? in
            guard state.mishaps[request.target]?.isEmpty == false else { return nil }
            return state.mishaps[request.target]?.removeFirst()
        }
        if let mishap { return mishap }
        do {
            switch request.target {
            case HandoffTerms.helloPath: return .json(WorkerWelcome(heartbeatSeconds: heartbeatSeconds, leaseWaitSeconds: 1).json)
            case HandoffTerms.leasePath:
                let asked = try LeaseRequest(json: try JSONValue(parsing: request.body))
                let answer = state.withLock { state -> LeaseAnswer in
                    state.capacities.append(asked.capacity)
                    let given = Array(state.leases.prefix(asked.capacity))
                    state.leases.removeFirst(given.count)
                    defer { state.asks = [] }
                    return LeaseAnswer(leases: given, asks: state.asks, drain: state.isDraining)
                }
                return .json(answer.json)
            case HandoffTerms.reportPath:
                let told = try ReportRequest(json: try JSONValue(parsing: request.body))
                return .json(
                    state.withLock { state -> JSONValue in
                        state.reports += told.reports
                        state.answers += told.answers
                        return ReportAnswer(verdicts: told.reports.map { .init(token: $0.token, verdict: state.verdict) }).json
                    })
            case HandoffTerms.heartbeatPath:
                let beat = try Heartbeat(json: try JSONValue(parsing: request.body))
                return .json(
                    state.withLock { state -> JSONValue in
                        state.beats.append(beat)
                        let lost = state.lost
                        let end = WallClock.system.now.adding(seconds: 60)
                        return HeartbeatAnswer(
                            extended: beat.leases.filter { !lost.contains($0) }.map { .init(token: $0, expiresAt: end) },
                            lost: lost,
                            drain: state.isDraining
                        ).json
                    })
            case HandoffTerms.documentPath:
                let token = request.headers[HandoffTerms.leaseTokenHeader] ?? ""
                guard let bytes = state.withLock({ $0.documents[token] }) else {
                    return .json(["title": "no document"], status: 404)
                }
                return .answer(status: 200, headers: ["Content-Type": "application/octet-stream"], body: bytes)
            default: return .json(["title": "no such path"], status: 404)
            }
        } catch {
            return .json(["title": .string("\(error)")], status: 422)
        }
    }

    func worker(_ documents: any DocumentOpening = PretendReader(), log: Locked<[String]> = Locked([])) -> Worker {
        Worker(
            bootstrap: bootstrap, client: CurlClient(), documents: documents, clock: .system, entropy: .system,
            log: WorkerLog(tenant: bootstrap.slug) { line in log.withLock { $0.append(String(decoding: line, as: UTF8.self)) } })
    }

    /// Waits until the worker has said enough; looked at after each of its requests, so nothing polls.
    func wait(until condition: @escaping @Sendable (State) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isFulfilled = state.withLock { state -> Bool in
                if condition(state) { return true }
                state.waiters.append((condition, continuation))
                return false
            }
            if isFulfilled { continuation.resume() }
        }
    }

    /// Resumes whoever waited for what is true now.
    private static func tell(_ state: Locked<State>) {
        let ready = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            let fulfilled = state.waiters.filter { $0.condition(state) }
            let snapshot = state
            state.waiters.removeAll { $0.condition(snapshot) }
            return fulfilled.map(\.continuation)
        }
        for continuation in ready { continuation.resume() }
    }

    func drain() { state.withLock { $0.isDraining = true } }
}

/// A reader that reads nothing: what it answers depends on the first byte.
struct PretendReader: DocumentOpening {
    func open(_ bytes: [UInt8]) async throws(Fault) -> DocumentReading {
        switch bytes.first {
        case UInt8(ascii: "!"):
            return DocumentReading(
                kind: .unknown,
                rejection: .init(
                    code: .documentUnreadable, reason: "xml.malformed", message: "The tag is not closed.", line: 3, column: 14))
        case UInt8(ascii: "?"): throw Fault("starting the reader", "no such program", isRetryable: true)
        default: return DocumentReading(kind: .ublInvoice)
        }
    }
}

extension WorkLease {
    static func sample(
        _ token: String, _ kind: WorkKind, phase: Phase = .full, input: JSONValue = [:], connection: JSONValue = .null,
        secrets: [String: String] = [:], seconds: Int64 = 60, traceparent: String? = nil
    ) -> WorkLease {
        WorkLease(
            token: token, task: TaskID(at: WallClock.system.now, entropy: .system), run: nil, attempt: 1, kind: kind,
            phase: phase,
            idempotencyKey: "key/\(token)", input: input, connection: connection, secrets: secrets,
            expiresAt: WallClock.system.now.adding(seconds: seconds), traceparent: traceparent)
    }
}
