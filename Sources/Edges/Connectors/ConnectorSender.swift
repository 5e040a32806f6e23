import Kernel

/// Sends planned requests: adds address, credentials and bounds, keeps the connection's pace, and reads the answers.
struct ConnectorSender: Sendable {
    /// Sendings of one request while somebody else holds what it needs.
    static let contentionTriesMax = 4
    static let contentionPauseMilliseconds: UInt64 = 150

    let settings: ConnectionSettings
    let secrets: [String: String]
    let exchange: any HTTPExchange
    let state: ConnectionState
    let clock: WallClock
    let entropy: Entropy
    let digests: RequestDigests
    /// Waits; given in tests.
    let pause: @Sendable (_ milliseconds: UInt64) async -> Void
    /// When the lease ends, as of now: heartbeats move it.
    let leaseExpiresAt: @Sendable () -> Moment

    var deadline: Moment { leaseExpiresAt().adding(seconds: -ConnectorEngine.leaseMarginSeconds) }

    /// Sends, with a new session where the old one has ended, and again after a moment where somebody else was in the way.
    func send(_ planned: PlannedRequest) async -> ExchangeResult {
        guard let dialect = settings.mapping.dialect(planned.dialect) else {
            return .failure(ExchangeFailure(code: "invalid-request", message: "no such dialect", mayHaveBeenSent: false))
        }
        var tries = 0
        while true {
            tries += 1
            let result = await sendSignedIn(planned, dialect)
            guard case .reading(.retry(AnswerRules.Meaning.contention.rawValue, _, _, true)) = result,
                tries < ConnectorSender.contentionTriesMax
            else { return result }
            // Longer each time, and by chance, so that two that met do not meet again.
            let full = ConnectorSender.contentionPauseMilliseconds << UInt64(tries)
            let milliseconds = full / 2 + entropy.next() % (full / 2 + 1)
            guard clock.now.adding(milliseconds: Int64(milliseconds)) < deadline, !Task.isCancelled else { return result }
            await pause(milliseconds)
        }
    }

    /// A session may have ended since; it is renewed once, and a request that is not taken even then is a rejected login.
    private func sendSignedIn(_ planned: PlannedRequest, _ dialect: Dialect) async -> ExchangeResult {
        var last: ExchangeResult = .failure(ConnectorSender.secretMissing)
        for attempt in 1...2 {
            let session: ConnectionCredentials.Session?
            do throws(ExchangeFailure) {
                session = try await self.session(planned.dialect ?? Dialect.standard, dialect)
            } catch {
                return .failure(error)
            }
            last = await sendOnce(planned, dialect, session, canRenew: session != nil && attempt == 1)
            guard let session, case .reading(.auth) = last else { return last }
            await state.credentials.drop(session, of: planned.dialect ?? Dialect.standard)
        }
        return last
    }

    private func sendOnce(
        _ planned: PlannedRequest, _ dialect: Dialect, _ session: ConnectionCredentials.Session?, canRenew: Bool
    ) async -> ExchangeResult {
        guard let standing = dialect.auth.standingHeaders(secrets) else { return .failure(ConnectorSender.secretMissing) }
        let base = planned.isFromRoot ? settings.origin : settings.baseURL
        var headers = standing + (session?.headers ?? [])
        do throws(MappingFailure) {
            let own = try RequestShape.headers(dialect.headers, in: MappingScope(["connection": settings.scope]))
            let all = own.merging(planned.headers) { _, special in special }
            headers += all.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
            if case .hmac(let signing) = dialect.auth { headers += try signed(planned, signing, dialect.auth) }
        } catch {
            return .failure(ExchangeFailure(code: "invalid-request", message: error.message, mayHaveBeenSent: false))
        }
        headers.append((name: "Accept", value: dialect.answers.contentTypes.joined(separator: ", ")))
        if planned.body != nil { headers.append((name: "Content-Type", value: "application/json")) }
        let request = outgoing(
            planned.purpose, planned.method, base + planned.target, headers: headers, body: planned.body?.bytes)
        return await exchange(request, dialect.answers, endsSession: canRenew)
    }

    private func outgoing(
        _ purpose: ExchangeRequest.Purpose, _ method: String, _ url: String, headers: [(name: String, value: String)],
        body: [UInt8]?
    ) -> ExchangeRequest {
        ExchangeRequest(
            purpose: purpose, method: method, url: url, headers: headers, body: body, deadline: deadline,
            connectTimeoutMilliseconds: settings.limits.connectTimeoutSeconds * 1000,
            totalTimeoutMilliseconds: settings.limits.totalTimeoutSeconds * 1000,
            answerBytesMax: settings.limits.answerBytesMax, allow: settings.allow)
    }

    /// `endsSession`: a rejection says only that the session is over, and not that the system will have nothing of us.
    private func exchange(
        _ request: ExchangeRequest, _ answers: AnswerRules, endsSession: Bool
    ) async -> ExchangeResult {
        do throws(ExchangeFailure) {
            try await state.pace.enter(until: deadline)
        } catch {
            return .failure(error)
        }
        do throws(ExchangeFailure) {
            let answer = try await exchange.exchange(request)
            let reading = answers.read(answer, now: clock.now)
            let (event, code) = ConnectorSender.event(for: reading, isLogin: request.purpose == .login)
            await state.pace.leave(endsSession && event == .loginRejected ? .answered : event, code: code)
            return .reading(reading)
        } catch {
            await state.pace.leave(ConnectorSender.event(for: error), code: error.code)
            return .failure(error)
        }
    }

    private static func event(for reading: AnswerRules.Reading, isLogin: Bool) -> (CircuitBreaker.Event, String) {
        switch reading {
        case .refused where isLogin, .soft where isLogin: (.loginRejected, loginRejected)
        case .ok, .absent, .refused, .broken, .soft, .stale: (.answered, "")
        // A system that is busy with somebody else is there.
        case .retry(AnswerRules.Meaning.contention.rawValue, _, _, _): (.answered, "")
        case .retry(let code, _, _, _): (.overloaded, code)
        case .auth: (.loginRejected, loginRejected)
        }
    }

    private static func event(for failure: ExchangeFailure) -> CircuitBreaker.Event {
        switch failure.code {
        case "cancelled", "client-stopped", "invalid-request", "too-large", "bad-encoding": .inconclusive
        default: .unreachable
        }
    }

    private static let secretMissing = ExchangeFailure(
        code: "secret-missing", message: "The connection's secret is not set.", mayHaveBeenSent: false)
    static let loginRejected = "auth"

    // MARK: credentials

    private func session(_ name: String, _ dialect: Dialect) async throws(ExchangeFailure) -> ConnectionCredentials.Session? {
        guard dialect.auth.standingHeaders(secrets) != nil else { throw ConnectorSender.secretMissing }
        switch dialect.auth {
        case .none, .bearer, .basic, .header, .hmac: return nil
        case .session(let login):
            return try await state.credentials.session(name, secrets: secrets, at: clock.now) {
                () async throws(ExchangeFailure) -> (headers: [(name: String, value: String)], until: Moment) in
                try await signIn(login, dialect)
            }
        case .clientCredentials(let client):
            return try await state.credentials.session(name, secrets: secrets, at: clock.now) {
                () async throws(ExchangeFailure) -> (headers: [(name: String, value: String)], until: Moment) in
                try await fetchToken(client)
            }
        }
    }

    private func signIn(
        _ login: AuthProfile.SessionLogin, _ dialect: Dialect
    ) async throws(ExchangeFailure) -> (headers: [(name: String, value: String)], until: Moment) {
        var scope = MappingScope(["connection": settings.scope, "secret": dialect.auth.secretValues(secrets)])
        let planned: PlannedRequest
        do throws(MappingFailure) {
            planned = try login.login.planned(.login, in: scope)
        } catch {
            throw ExchangeFailure(code: "invalid-request", message: error.message, mayHaveBeenSent: false)
        }
        var headers = planned.headers.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        headers.append((name: "Accept", value: dialect.answers.contentTypes.joined(separator: ", ")))
        if planned.body != nil { headers.append((name: "Content-Type", value: "application/json")) }
        let started = clock.now
        let request = outgoing(
            .login, planned.method, settings.baseURL + planned.target, headers: headers, body: planned.body?.bytes)
        let document = try signInAnswer(await exchange(request, dialect.answers, endsSession: false))
        do throws(MappingFailure) {
            guard let session = try login.session.value(in: scope.focused(on: document)) else {
                throw MappingFailure(place: "session", message: "the sign-in's answer holds no session")
            }
            scope["session"] = session
            let made = try RequestShape.headers(login.headers, in: scope)
            return (
                made.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) },
                started.adding(seconds: Int64(login.lifetimeSeconds))
            )
        } catch {
            throw ExchangeFailure(code: "protocol", message: error.message, mayHaveBeenSent: false)
        }
    }

    /// A refused sign-in counts as a rejected login whatever words the system has for it, and is not repeated.
    private func signInAnswer(_ result: ExchangeResult) throws(ExchangeFailure) -> JSONValue {
        switch result {
        case .reading(.ok(let document, _)): return document
        case .failure(let failure):
            throw ExchangeFailure(
                code: failure.code, message: failure.message, mayHaveBeenSent: false, retryAfterSeconds: failure.retryAfterSeconds
            )
        case .reading(.auth(let message)), .reading(.refused(_, let message)), .reading(.soft(_, let message)):
            throw ExchangeFailure(
                code: ConnectorSender.loginRejected, message: message, mayHaveBeenSent: false,
                retryAfterSeconds: Int(ConnectionCredentials.refusedPauseSeconds))
        case .reading(.retry(let code, let message, let seconds, _)):
            throw ExchangeFailure(code: code, message: message, mayHaveBeenSent: false, retryAfterSeconds: seconds)
        case .reading(.broken(let message, _)), .reading(.stale(let message)):
            throw ExchangeFailure(code: "protocol", message: message, mayHaveBeenSent: false)
        case .reading(.absent):
            throw ExchangeFailure(code: "protocol", message: "The system knows no such sign-in.", mayHaveBeenSent: false)
        }
    }

    private func fetchToken(
        _ client: AuthProfile.ClientCredentials
    ) async throws(ExchangeFailure) -> (headers: [(name: String, value: String)], until: Moment) {
        guard let id = secrets[client.id], let secret = secrets[client.secret], let url = settings.endpoints[client.endpoint]
        else { throw ConnectorSender.secretMissing }
        var fields = [("grant_type", "client_credentials")]
        if let scope = client.scope { fields.append(("scope", scope)) }
        var headers = [(name: "Accept", value: "application/json")]
        switch client.style {
        case .body: fields += [("client_id", id), ("client_secret", secret)]
        case .basic:
            // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
            let value = AuthProfile.basicHeader(RequestTemplate.percentEncoded(id), RequestTemplate.percentEncoded(secret))
            headers.append((name: "Authorization", value: value))
        }
        headers.append((name: "Content-Type", value: "application/x-www-form-urlencoded"))
        let body = fields.map { RequestTemplate.percentEncoded($0.0) + "=" + RequestTemplate.percentEncoded($0.1) }
            .joined(separator: "&")
        let started = clock.now
        let request = outgoing(.login, "POST", url, headers: headers, body: Array(body.utf8))
        let document = try signInAnswer(await exchange(request, ConnectorSender.tokenAnswers, endsSession: false))
        guard let token = document["access_token"]?.string, !token.isEmpty,
            token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw ExchangeFailure(code: "protocol", message: "The token service gave no token.", mayHaveBeenSent: false) }
        let lifetime = document["expires_in"]?.int ?? AuthProfile.ClientCredentials.lifetimeSecondsStandard
        // A token whose life is shorter than the skew is used, and fetched anew for the next request.
        let seconds = max(1, min(lifetime, 86_400) - client.skewSeconds)
        return ([(name: "Authorization", value: "Bearer \(token)")], started.adding(seconds: Int64(seconds)))
    }

    /// RFC 6749 §5.2: every refusal is one of us, of 400 or 401, with a word in `error`.
    private static let tokenAnswers = AnswerRules(
        contentTypes: ["application/json"], present: [], failureCode: ValuePath(root: "", steps: [.member("error")]),
        failureMessages: [ValuePath(root: "", steps: [.member("error_description")])],
        rules: [
            AnswerRules.Rule(
                statuses: [400, 401, 403], codes: [], meaning: .auth, isWithoutEffect: nil, code: nil, message: nil, name: nil)
        ])

    private func signed(
        _ planned: PlannedRequest, _ signing: AuthProfile.RequestSigning, _ auth: AuthProfile
    ) throws(MappingFailure) -> [(name: String, value: String)] {
        guard let key = secrets[signing.key] else { return [] }
        let base = planned.isFromRoot ? "" : String(settings.baseURL.dropFirst(settings.origin.count))
        let target = base + planned.target
        var request: JSONObject = [
            "method": .string(planned.method), "target": .string(target),
            "path": .string(String(target.prefix { $0 != "?" })),
            "bodySha256": .string(digests.sha256(planned.body?.bytes ?? []).hexText),
            "timestamp": JSONValue(Int(clock.now.seconds)),
            "nonce": .string(entropy.bytes(16).hexText),
        ]
        var scope = MappingScope([
            "connection": settings.scope, "secret": auth.secretValues(secrets), "request": .object(request),
        ])
        guard let text = try signing.text.value(in: scope)?.string else {
            throw MappingFailure(place: "text", message: "there is nothing to sign")
        }
        let code = digests.hmacSHA256(Array(key.utf8), Array(text.utf8))
        request["signature"] =
            switch signing.encoding {
            case .hex: .string(code.hexText)
            case .base64: .string(Base64.encode(code))
            case .base64url: .string(Base64.encode(code, .url))
            }
        scope["request"] = .object(request)
        return try RequestShape.headers(signing.headers, in: scope).sorted { $0.key < $1.key }.map {
            (name: $0.key, value: $0.value)
        }
    }
}
