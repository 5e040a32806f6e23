import CCurl
import CCurlShims
import Glibc
import Kernel

/// One transfer while libcurl has it. Only the client's thread touches it after it was handed over.
final class CurlTransfer: @unchecked Sendable {
    /// Most bytes of all header lines of one answer together.
    static let headerBytesMax = 65_536

    typealias Outcome = Result<HTTPResponse, CurlFailure>

    let request: HTTPRequest
    let url: OutboundURL
    let isCancelled = Locked(false)
    private let continuation: CheckedContinuation<Outcome, Never>
    private let gate: UnsafeMutablePointer<cs_curl_gate>
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private(set) var easy: UnsafeMutableRawPointer?

    private var headers: [HTTPHeader] = []
    private var headerBytes = 0
    private var body: [UInt8] = []
    private var isTooLarge = false
    private var isTooLate = false
    private(set) var deniedAddress: String?
    /// Set when libcurl says that the next thing it does is sending.
    private var reachedSending = false
    private var peer = ""
    private var recipients: UnsafeMutablePointer<curl_slist>?
    /// How much of a mail libcurl has taken.
    private var bytesRead = 0

    init(_ request: HTTPRequest, url: OutboundURL, continuation: CheckedContinuation<Outcome, Never>) {
        self.request = request
        self.url = url
        self.continuation = continuation
        gate = .allocate(capacity: 1)
        gate.initialize(to: cs_curl_gate())
    }

    deinit {
        curl_slist_free_all(headerList)
        curl_slist_free_all(recipients)
        gate.deinitialize(count: 1)
        gate.deallocate()
    }

    /// Writes the request into a fresh or reset handle; a sentence when libcurl declines an option.
    func configure(_ handle: UnsafeMutableRawPointer, now: Moment) -> CurlFailure? {
        easy = handle
        let owner = Unmanaged.passUnretained(self).toOpaque()
        gate.pointee = cs_curl_gate(owner: owner, permit: permitAddress, before: permitSending)
        var total = request.totalTimeoutMilliseconds
        if let deadline = request.deadline {
            let left = deadline.milliseconds(since: now)
            guard left > 0 else {
                return CurlFailure(.timedOut, mayHaveBeenSent: false, "the deadline had passed before the start")
            }
            total = min(total, Int(min(left, Int64(Int32.max))))
        }
        var codes = [
            cs_curl_set_house_rules(handle), cs_curl_set_hooks(handle, owner, takeBody, takeHeader),
            cs_curl_set_gate(handle, gate),
            cs_curl_set_text(handle, CURLOPT_URL, url.text), cs_curl_set_text(handle, CURLOPT_USERAGENT, CurlClient.userAgent),
            cs_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, min(request.connectTimeoutMilliseconds, total)),
            cs_curl_set_long(handle, CURLOPT_TIMEOUT_MS, total),
            cs_curl_set_size(handle, CURLOPT_MAXFILESIZE_LARGE, curl_off_t(request.maxBodyBytes)),
        ]
        if !request.isRepeatable { codes.append(cs_curl_set_long(handle, CURLOPT_FRESH_CONNECT, 1)) }
        if let path = request.unixSocketPath { codes.append(cs_curl_set_text(handle, CURLOPT_UNIX_SOCKET_PATH, path)) }
        if let file = request.caFile { codes.append(cs_curl_set_text(handle, CURLOPT_CAINFO, file)) }
        if let envelope = request.envelope {
            codes += setMail(envelope, handle, owner)
        } else {
            codes += setMethodAndBody(handle)
            codes.append(setHeaders(handle))
        }
        guard let bad = codes.first(where: { $0 != CURLE_OK }) else { return nil }
        return CurlFailure(.invalidRequest, mayHaveBeenSent: false, String(cString: curl_easy_strerror(bad)))
    }

    private func setMethodAndBody(_ handle: UnsafeMutableRawPointer) -> [CURLcode] {
        var codes: [CURLcode] = []
        if request.method == .head { codes.append(cs_curl_set_long(handle, CURLOPT_NOBODY, 1)) }
        if let body = request.body {
            codes.append(cs_curl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)))
            codes.append(
                body.withUnsafeBytes { bytes in
                    // libcurl copies the bytes; an empty body still needs an address that is not NULL.
                    var nothing: UInt8 = 0
                    return withUnsafeMutablePointer(to: &nothing) { spare in
                        let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress) ?? UnsafeMutableRawPointer(spare)
                        return cs_curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, start)
                    }
                })
        } else if request.method == .post {
            codes.append(cs_curl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, 0))
            codes.append(cs_curl_set_long(handle, CURLOPT_POST, 1))
        }
        if request.method != .head, request.method != .get || request.body != nil {
            codes.append(cs_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method.rawValue))
        }
        return codes
    }

    private func setHeaders(_ handle: UnsafeMutableRawPointer) -> CURLcode {
        // Without these two lines libcurl would add a form content type and wait a second for "100 Continue" before large bodies.
        var lines = ["Expect:"]
        if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) { lines.append("Content-Type:") }
        for header in request.headers {
            lines.append(header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)")
        }
        for line in lines {
            guard let longer = curl_slist_append(headerList, line) else { return CURLE_OUT_OF_MEMORY }
            headerList = longer
        }
        return cs_curl_set_list(handle, CURLOPT_HTTPHEADER, headerList)
    }

    private func setMail(
        _ envelope: MailEnvelope, _ handle: UnsafeMutableRawPointer, _ owner: UnsafeMutableRawPointer
    ) -> [CURLcode] {
        recipients = curl_slist_append(nil, "<\(envelope.to)>")
        var codes = [
            cs_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps"),
            cs_curl_set_text(handle, CURLOPT_MAIL_FROM, "<\(envelope.from)>"),
            cs_curl_set_list(handle, CURLOPT_MAIL_RCPT, recipients), cs_curl_set_long(handle, CURLOPT_UPLOAD, 1),
            cs_curl_set_reader(handle, owner, giveBody),
            cs_curl_set_size(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(request.body?.count ?? 0)),
            cs_curl_set_long(
                handle, CURLOPT_USE_SSL,
                Int(envelope.isEncrypted ? CURLUSESSL_ALL.rawValue : CURLUSESSL_TRY.rawValue)),
        ]
        if let user = envelope.user, let password = envelope.password {
            codes.append(cs_curl_set_long(handle, CURLOPT_SASL_IR, 1))
            codes.append(cs_curl_set_text(handle, CURLOPT_USERNAME, user))
            codes.append(cs_curl_set_text(handle, CURLOPT_PASSWORD, password))
        }
        return codes
    }

    // MARK: what libcurl tells us

    /// The next piece of a mail.
    fileprivate func give(_ space: UnsafeMutableRawBufferPointer) -> Int {
        let bytes = request.body ?? []
        let count = min(space.count, bytes.count - bytesRead)
        guard count > 0 else { return 0 }
        bytes.withUnsafeBytes { source in
            space.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[bytesRead..<(bytesRead + count)]))
        }
        bytesRead += count
        return count
    }

    fileprivate func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= request.maxBodyBytes else {
            isTooLarge = true
            return false
        }
        body.append(contentsOf: bytes)
        return true
    }

    fileprivate func appendHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        headerBytes += bytes.count
        guard headerBytes <= CurlTransfer.headerBytesMax else {
            isTooLarge = true
            return false
        }
        let line = String(decoding: bytes, as: UTF8.self)
        if request.envelope != nil {
            // The last reply before the farewell is the one that counts; it is kept as the answer's body.
            if !line.hasPrefix("221") { body = Array(line.utf8.prefix { $0 != 13 && $0 != 10 }) }
            return true
        }
        // A status line starts the headers anew: those of an interim answer do not count.
        if line.hasPrefix("HTTP/") { headers = [] }
        guard let colon = line.firstIndex(of: ":") else { return true }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        headers.append(HTTPHeader(line[..<colon].lowercased(), String(value.prefix { !$0.isNewline })))
        return true
    }

    /// `address` in network order: 4 or 16 bytes, none for a unix socket, nil for anything else.
    fileprivate func permits(_ address: UnsafeBufferPointer<UInt8>?) -> Bool {
        if request.unixSocketPath != nil { return address?.isEmpty == true }
        // One denied address ends the transfer; otherwise libcurl would go on to the name's next record.
        guard deniedAddress == nil else { return false }
        guard let address, let target = NetworkAddress(bytes: address) else {
            deniedAddress = "an address that is not IP"
            return false
        }
        guard request.egress.permits(target, for: url) else {
            deniedAddress = "\(target)"
            return false
        }
        return true
    }

    fileprivate func mayStartSending(to address: String) -> Bool {
        if let deadline = request.deadline, WallClock.system.now >= deadline {
            isTooLate = true
            return false
        }
        if request.unixSocketPath == nil {
            // Asked again because a kept connection may have been opened for another connection's policy.
            guard deniedAddress == nil, let target = NetworkAddress(address), request.egress.permits(target, for: url) else {
                deniedAddress = deniedAddress ?? address
                return false
            }
            peer = address
        }
        reachedSending = true
        return true
    }

    // MARK: the end

    func finish(_ code: CURLcode) {
        guard let easy else { return end(.failure(CurlFailure(.clientStopped, mayHaveBeenSent: false, "never started"))) }
        // A mail server that declines has answered: its reply says whether to come again.
        let declines = request.envelope != nil && cs_curl_get_long(easy, CURLINFO_RESPONSE_CODE) >= 400 && !isTooLarge
        if (code == CURLE_OK && !isTooLarge) || declines {
            end(
                .success(
                    HTTPResponse(
                        status: cs_curl_get_long(easy, CURLINFO_RESPONSE_CODE), headers: headers, body: body, peer: peer,
                        durationMicroseconds: Int64(cs_curl_get_size(easy, CURLINFO_TOTAL_TIME_T)))))
        } else {
            end(.failure(failure(for: code)))
        }
    }

    func abandon(_ kind: CurlFailure.Kind, _ detail: String) {
        end(.failure(CurlFailure(kind, mayHaveBeenSent: reachedSending, detail)))
    }

    private func end(_ outcome: Outcome) {
        continuation.resume(returning: outcome)
    }

    private func failure(for code: CURLcode) -> CurlFailure {
        let words = String(cString: curl_easy_strerror(code))
        func failure(_ kind: CurlFailure.Kind, _ detail: String? = nil) -> CurlFailure {
            CurlFailure(kind, mayHaveBeenSent: reachedSending, detail ?? words)
        }
        if let deniedAddress {
            return failure(.addressDenied, "the egress policy does not allow \(deniedAddress) for \(url.host)")
        }
        if isTooLate { return failure(.timedOut, "the deadline passed before the request could be sent") }
        if isTooLarge { return failure(.tooLarge, "the answer is larger than \(request.maxBodyBytes) bytes") }
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: return failure(.nameNotResolved)
        case CURLE_COULDNT_CONNECT: return failure(.connectFailed)
        case CURLE_OPERATION_TIMEDOUT: return failure(.timedOut)
        case CURLE_FILESIZE_EXCEEDED: return failure(.tooLarge, "the answer is larger than \(request.maxBodyBytes) bytes")
        case CURLE_BAD_CONTENT_ENCODING: return failure(.badEncoding)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
            return failure(.tlsFailed)
        default: return failure(.brokenAnswer)
        }
    }
}

private func transfer(_ owner: UnsafeMutableRawPointer?) -> CurlTransfer? {
    owner.map { Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
}

private let takeBody: cs_curl_bytes = { bytes, size, count, owner in
    guard let bytes, let transfer = transfer(owner) else { return 0 }
    return transfer.append(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

private let takeHeader: cs_curl_bytes = { bytes, size, count, owner in
    guard let bytes, let transfer = transfer(owner) else { return 0 }
    return transfer.appendHeader(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

private let giveBody: cs_curl_bytes = { bytes, size, count, owner in
    guard let bytes, let transfer = transfer(owner) else { return 0 }
    return transfer.give(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
}

private let permitAddress: cs_curl_permit = { owner, address, count in
    guard let transfer = transfer(owner) else { return 0 }
    return transfer.permits(count < 0 ? nil : UnsafeBufferPointer(start: address, count: Int(count))) ? 1 : 0
}

private let permitSending: cs_curl_before = { owner, address, _ in
    guard let transfer = transfer(owner) else { return 0 }
    return transfer.mayStartSending(to: address.map { String(cString: $0) } ?? "") ? 1 : 0
}
