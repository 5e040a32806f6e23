import Curl
import Handoff
import Kernel

/// The server, as seen from the worker.
struct HandoffClient: Sendable {
    /// The server said no, or did not answer.
    struct Failure: Error, CustomStringConvertible {
        /// 0 when there was no answer.
        let status: Int
        let detail: String
        /// This session is not known (any more): another incarnation works, or the server forgot us.
        var isUnknownSession: Bool { status == 401 }
        /// The message itself is at fault, so repeating it is of no use.
        var isMessageAtFault: Bool { status == 400 || status == 413 || status == 422 }
        var description: String { status == 0 ? detail : "status \(status): \(detail)" }
    }

    static let answerBytesMax = 33_554_432
    /// Beyond the time a lease request is held open: for the answer's way and the lane's batch.
    static let slackMilliseconds = 10_000

    private let client: CurlClient
    private let socket: String
    private let session: String

    init(client: CurlClient, socket: String, session: String) {
        self.client = client
        self.socket = socket
        self.session = session
    }

    func hello(_ hello: WorkerHello) async throws(Failure) -> WorkerWelcome {
        let answer = try await post(HandoffTerms.helloPath, hello.json, isRepeatable: true)
        return try read { () throws(Refusal) in try WorkerWelcome(json: answer) }
    }

    func lease(_ request: LeaseRequest) async throws(Failure) -> LeaseAnswer {
        let answer = try await post(
            HandoffTerms.leasePath, request.json, isRepeatable: false, waitMilliseconds: request.waitMilliseconds)
        return try read { () throws(Refusal) in try LeaseAnswer(json: answer) }
    }

    func report(_ request: ReportRequest) async throws(Failure) -> ReportAnswer {
        let answer = try await post(HandoffTerms.reportPath, request.json, isRepeatable: true)
        return try read { () throws(Refusal) in try ReportAnswer(json: answer) }
    }

    func heartbeat(_ heartbeat: Heartbeat) async throws(Failure) -> HeartbeatAnswer {
        let answer = try await post(HandoffTerms.heartbeatPath, heartbeat.json, isRepeatable: true)
        return try read { () throws(Refusal) in try HeartbeatAnswer(json: answer) }
    }

    /// The document that a lease is about.
    func document(leaseToken: String) async throws(Failure) -> [UInt8] {
        var request = request(.get, HandoffTerms.documentPath)
        request.headers.append(HTTPHeader(HandoffTerms.leaseTokenHeader, leaseToken))
        request.maxBodyBytes = HandoffTerms.documentBytesMax
        return try await send(request).body
    }

    private func request(_ method: HTTPMethod, _ path: String) -> HTTPRequest {
        HTTPRequest(
            method, "http://server\(path)", headers: [HTTPHeader("Authorization", "Bearer \(session)")],
            totalTimeoutMilliseconds: HandoffClient.slackMilliseconds, maxBodyBytes: HandoffClient.answerBytesMax,
            unixSocketPath: socket)
    }

    private func post(
        _ path: String, _ body: JSONValue, isRepeatable: Bool, waitMilliseconds: Int = 0
    ) async throws(Failure) -> JSONValue {
        var request = request(.post, path)
        request.headers.append(HTTPHeader("Content-Type", "application/json"))
        request.body = body.bytes
        request.isRepeatable = isRepeatable
        request.totalTimeoutMilliseconds += waitMilliseconds
        let response = try await send(request)
        do throws(JSONParseFailure) {
            return try JSONValue(parsing: response.body, maxBytes: HandoffClient.answerBytesMax)
        } catch {
            throw Failure(status: 0, detail: "the server's answer is not JSON (\(error))")
        }
    }

    private func send(_ request: HTTPRequest) async throws(Failure) -> HTTPResponse {
        let response: HTTPResponse
        do throws(CurlFailure) {
            response = try await client.perform(request)
        } catch {
            throw Failure(status: 0, detail: error.description)
        }
        guard response.status == 200 else {
            // An answer without a problem document is told by its status alone.
            let problem = try? JSONValue(parsing: response.body)
            throw Failure(status: response.status, detail: problem?["detail"]?.string ?? problem?["title"]?.string ?? "")
        }
        return response
    }

    private func read<Value>(_ body: () throws(Refusal) -> Value) throws(Failure) -> Value {
        do throws(Refusal) {
            return try body()
        } catch {
            throw Failure(status: 0, detail: "the server's answer has another form: \(error) at \(error.facts["pointer"] ?? "/")")
        }
    }
}
