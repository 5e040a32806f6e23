import CCurl
import CCurlShims
import Glibc
import Kernel

/// Outbound HTTP for one process: a thread with libcurl's multi interface, and an await per transfer.
///
/// One thread is far above any ERP's rate limit and makes cancellation and connection reuse simple. Connections are kept per
/// client, so a client never serves two tenants. The thread ends with the client, or with `stop()`.
package final class CurlClient: Sendable {
    package static let userAgent = "countersign/1"
    /// Handles kept for reuse; more are made under load and freed again.
    static let idleHandlesMax = 8
    static let connectionsPerHostMax = 16
    static let connectionsKeptMax = 32

    private let loop: CurlLoop

    package init() {
        loop = CurlLoop()
        loop.start()
    }

    deinit { loop.requestStop() }

    /// Transfers that are waiting or under way.
    package var openTransfers: Int { loop.openTransfers }

    /// Ends every open transfer with `clientStopped` and the thread after them.
    package func stop() { loop.requestStop() }

    /// Sends one request and waits for its whole answer; every status is an answer. Cancelling the task ends the transfer.
    package func perform(_ request: HTTPRequest) async throws(CurlFailure) -> HTTPResponse {
        let url = try OutboundURL(request.url, mail: request.envelope)
        if request.unixSocketPath == nil, let objection = request.egress.objection(to: url) {
            throw CurlFailure(.addressDenied, mayHaveBeenSent: false, objection)
        }
        for header in request.headers where !header.isWellFormed {
            throw CurlFailure(.invalidRequest, mayHaveBeenSent: false, "a header name or value has forbidden characters")
        }
        if request.envelope?.isWellFormed == false {
            throw CurlFailure(.invalidRequest, mayHaveBeenSent: false, "a mail address has forbidden characters")
        }
        let slot = TransferSlot()
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let transfer = CurlTransfer(request, url: url, continuation: continuation)
                guard slot.fill(transfer) else { return transfer.abandon(.cancelled, "cancelled before the start") }
                loop.submit(transfer)
            }
        } onCancel: {
            if let transfer = slot.cancel() { loop.cancel(transfer) }
        }
        return try outcome.get()
    }
}

extension HTTPHeader {
    /// Token characters in the name, no control characters in the value: nothing that could start another header.
    var isWellFormed: Bool {
        !name.isEmpty && name.utf8.count <= 256 && value.utf8.count <= 16_384
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: ";") }
            && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }
}

/// Where cancellation and start meet, whichever comes first.
private final class TransferSlot: Sendable {
    private let state = Locked<(transfer: CurlTransfer?, isCancelled: Bool)>((nil, false))

    /// False when the task was cancelled already.
    func fill(_ transfer: CurlTransfer) -> Bool {
        state.withLock { state in
            state.transfer = transfer
            return !state.isCancelled
        }
    }

    func cancel() -> CurlTransfer? {
        state.withLock { state in
            state.isCancelled = true
            return state.transfer
        }
    }
}

/// The thread's side. `inbox` is shared; everything else belongs to the thread.
private final class CurlLoop: @unchecked Sendable {
    private struct Inbox {
        var added: [CurlTransfer] = []
        var cancelled: [CurlTransfer] = []
        var open = 0
        var isStopping = false
        /// Set right before libcurl's handle is freed; nobody may wake it afterwards.
        var isClosed = false
    }

    private let inbox = Locked(Inbox())
    private let multi: UnsafeMutableRawPointer
    private var active: [ObjectIdentifier: CurlTransfer] = [:]
    private var idleHandles: [UnsafeMutableRawPointer] = []

    init() {
        // Safe to repeat; counted inside libcurl.
        curl_global_init(Int(CURL_GLOBAL_DEFAULT))
        guard let multi = curl_multi_init() else { preconditionFailure("libcurl has no memory for a multi handle") }
        self.multi = multi
        _ = cs_curl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, CurlClient.connectionsPerHostMax)
        _ = cs_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, CurlClient.connectionsKeptMax)
    }

    var openTransfers: Int { inbox.withLock { $0.open } }

    func start() {
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(self).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<CurlLoop>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, retained)
        precondition(code == 0, "no thread for transfers: \(code)")
        pthread_detach(thread)
    }

    func submit(_ transfer: CurlTransfer) {
        let isAccepted = inbox.withLock { inbox in
            guard !inbox.isStopping else { return false }
            inbox.added.append(transfer)
            inbox.open += 1
            curl_multi_wakeup(multi)
            return true
        }
        if !isAccepted { transfer.abandon(.clientStopped, "the client has stopped") }
    }

    func cancel(_ transfer: CurlTransfer) {
        transfer.isCancelled.withLock { $0 = true }
        inbox.withLock { inbox in
            guard !inbox.isClosed else { return }
            inbox.cancelled.append(transfer)
            curl_multi_wakeup(multi)
        }
    }

    func requestStop() {
        inbox.withLock { inbox in
            inbox.isStopping = true
            if !inbox.isClosed { curl_multi_wakeup(multi) }
        }
    }

    private func run() {
        var running: Int32 = 0
        while takeInbox() {
            curl_multi_perform(multi, &running)
            for transfer in active.values where transfer.deniedAddress != nil { end(transfer, CURLE_COULDNT_CONNECT) }
            var code = CURLE_OK
            while let easy = cs_curl_multi_next_done(multi, &code) {
                guard let owner = cs_curl_get_owner(easy) else { continue }
                end(Unmanaged<CurlTransfer>.fromOpaque(owner).takeUnretainedValue(), code)
            }
            // libcurl shortens this to its own next timeout; a wake-up ends it at once.
            curl_multi_poll(multi, nil, 0, 60_000, nil)
        }
        for transfer in Array(active.values) {
            detach(transfer)
            transfer.abandon(.clientStopped, "the client has stopped")
        }
        for handle in idleHandles { curl_easy_cleanup(handle) }
        inbox.withLock { $0.isClosed = true }
        curl_multi_cleanup(multi)
    }

    /// Starts what was added and ends what was cancelled; false when the client stops.
    private func takeInbox() -> Bool {
        let (added, cancelled, isStopping) = inbox.withLock { inbox in
            defer {
                inbox.added = []
                inbox.cancelled = []
            }
            return (inbox.added, inbox.cancelled, inbox.isStopping)
        }
        for transfer in added { begin(transfer) }
        for transfer in cancelled where active[ObjectIdentifier(transfer)] != nil {
            detach(transfer)
            transfer.abandon(.cancelled, "cancelled")
        }
        return !isStopping
    }

    private func begin(_ transfer: CurlTransfer) {
        // A cancellation may overtake the start.
        guard !transfer.isCancelled.withLock({ $0 }) else { return refuse(transfer, .cancelled, "cancelled before the start") }
        guard let handle = idleHandles.popLast() ?? curl_easy_init() else {
            return refuse(transfer, .invalidRequest, "libcurl has no memory for a transfer")
        }
        if let failure = transfer.configure(handle, now: WallClock.system.now) {
            recycle(handle)
            return refuse(transfer, failure.kind, failure.detail)
        }
        let code = curl_multi_add_handle(multi, handle)
        guard code == CURLM_OK else {
            recycle(handle)
            return refuse(transfer, .invalidRequest, String(cString: curl_multi_strerror(code)))
        }
        active[ObjectIdentifier(transfer)] = transfer
    }

    private func refuse(_ transfer: CurlTransfer, _ kind: CurlFailure.Kind, _ detail: String) {
        inbox.withLock { $0.open -= 1 }
        transfer.abandon(kind, detail)
    }

    private func end(_ transfer: CurlTransfer, _ code: CURLcode) {
        guard active[ObjectIdentifier(transfer)] != nil, let easy = transfer.easy else { return }
        // What the handle knows is read before it is recycled.
        curl_multi_remove_handle(multi, easy)
        active[ObjectIdentifier(transfer)] = nil
        inbox.withLock { $0.open -= 1 }
        transfer.finish(code)
        recycle(easy)
    }

    private func detach(_ transfer: CurlTransfer) {
        active[ObjectIdentifier(transfer)] = nil
        inbox.withLock { $0.open -= 1 }
        guard let easy = transfer.easy else { return }
        curl_multi_remove_handle(multi, easy)
        recycle(easy)
    }

    private func recycle(_ handle: UnsafeMutableRawPointer) {
        if idleHandles.count < CurlClient.idleHandlesMax {
            curl_easy_reset(handle)
            idleHandles.append(handle)
        } else {
            curl_easy_cleanup(handle)
        }
    }
}
