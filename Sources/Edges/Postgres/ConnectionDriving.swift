internal import CLinux
internal import CPostgres
internal import Kernel

/// How an operation travels: libpq's non-blocking side, driven by the reactor. Everything here runs on the reactor's thread.
extension PGConnection {
    /// Queues an operation and waits for its answer. Sending, synchronising and registering the waiter are one synchronous
    /// stretch, so that no other task's statement slips in between.
    ///
    /// A shielded operation goes on when its task is cancelled: COMMIT and ROLLBACK must reach the server.
    func perform(_ work: Operation.Work, limitMilliseconds: Int, isShielded: Bool = false) async throws -> [Rows] {
        if let loss { throw loss }
        if !isShielded && Task.isCancelled { throw CancellationError() }
        lastOperation += 1
        let id = lastOperation
        let limit = limitMilliseconds + PGConnection.answerGraceMilliseconds
        let deadline = limitMilliseconds > 0 ? monotonicNanoseconds() + UInt64(limit) * 1_000_000 : nil
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                queue.append(Operation(id: id, work: work, deadlineNanoseconds: deadline, continuation: continuation))
                startNext()
            }
        } onCancel: {
            if !isShielded { reactor.submit { self.assumeIsolated { $0.cancel(id) } } }
        }
    }

    private func startNext() {
        guard current == nil, loss == nil, !queue.isEmpty else { return }
        let operation = queue.removeFirst()
        current = operation
        let isSent =
            switch operation.work {
            case .batch(let statements): send(statements, for: operation)
            case .script(let text), .copy(let text, _): PQsendQuery(handle.pg, text) == 1
            }
        guard isSent else { return lose(libpqFailure()) }
        flush()
        armWatchdog()
    }

    // MARK: Sending

    /// The opening of the transaction, if it has not gone out yet, and the statements; in pipeline mode with one Sync when
    /// there is more than one command.
    private func send(_ statements: [SQL], for operation: Operation) -> Bool {
        let lines = transaction == nil ? [] : opening
        if transaction != nil { opening = [] }
        var commands: [Operation.Command] = lines.map { _ in .opening }
        var names: [String?] = []
        var fresh: [StatementKey: String] = [:]
        var texts: [String] = []
        for (index, statement) in statements.enumerated() {
            let text = statement.text
            let key = StatementKey(text: text, types: statement.binds.map(\.type))
            var name = prepared[key] ?? fresh[key]
            if name == nil, settings.keepsSession, prepared.count + fresh.count < PGConnection.preparedStatementsMax {
                lastPrepared += 1
                let new = "s\(lastPrepared)"
                fresh[key] = new
                name = new
                commands.append(.prepare(key, name: new, statement: index))
            }
            texts.append(text)
            names.append(name)
            commands.append(.statement(index))
        }
        operation.commands = commands
        operation.isPipelined = commands.count > 1
        if operation.isPipelined { guard PQenterPipelineMode(handle.pg) == 1 else { return false } }
        var line = 0
        for command in commands {
            let isSent =
                switch command {
                case .opening: sendLine(lines[line])
                case .prepare(let key, let name, _): sendPrepare(key, name)
                case .statement(let index): sendStatement(statements[index], text: texts[index], name: names[index])
                }
            if case .opening = command { line += 1 }
            guard isSent else { return false }
        }
        return operation.isPipelined ? PQpipelineSync(handle.pg) == 1 : true
    }

    private func sendLine(_ text: String) -> Bool { PQsendQueryParams(handle.pg, text, 0, nil, nil, nil, nil, 1) == 1 }

    private func sendPrepare(_ key: StatementKey, _ name: String) -> Bool {
        let types = key.types.map { Oid($0.oid) }
        return PQsendPrepare(handle.pg, name, key.text, Int32(types.count), types) == 1
    }

    private func sendStatement(_ sql: SQL, text: String, name: String?) -> Bool {
        guard !sql.binds.isEmpty else {
            return name.map { PQsendQueryPrepared(handle.pg, $0, 0, nil, nil, nil, 1) == 1 } ?? sendLine(text)
        }
        // One byte more than the values, so that an empty value at the end still has an address: a null one is NULL.
        var storage = sql.bytes
        storage.append(0)
        let count = Int32(sql.binds.count)
        let lengths = sql.binds.map { Int32($0.range?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: sql.binds.count)
        return storage.withUnsafeBufferPointer { buffer in
            let base = UnsafeRawPointer(buffer.baseAddress!).assumingMemoryBound(to: CChar.self)
            let values = sql.binds.map { bind in bind.range.map { base + $0.lowerBound } }
            if let name { return PQsendQueryPrepared(handle.pg, name, count, values, lengths, formats, 1) == 1 }
            let types = sql.binds.map { Oid($0.type.oid) }
            return PQsendQueryParams(handle.pg, text, count, types, values, lengths, formats, 1) == 1
        }
    }

    private func flush() {
        guard loss == nil else { return }
        switch PQflush(handle.pg) {
        case 0: wantWrite(false)
        case 1: wantWrite(true)
        default: lose(libpqFailure())
        }
    }

    private func wantWrite(_ wants: Bool) {
        guard wants != wantsWrite, let watch = handle.watch else { return }
        wantsWrite = wants
        reactor.change(
            watch, descriptor: handle.socket, events: wants ? cs_event_readable | cs_event_writable : cs_event_readable)
    }

    // MARK: Receiving

    func socketIsReady() {
        guard loss == nil else { return }
        guard PQconsumeInput(handle.pg) == 1 else {
            let failure = libpqFailure()
            receive()  // what the server said before it went
            return lose(failure)
        }
        if wantsWrite {
            flush()
            continueCopy()
        }
        receive()
        takeNotifications()
    }

    private func receive() {
        var nothings = 0
        // While rows go out, libpq would answer "copying" for ever; an error of the server waits for the end of the rows.
        while loss == nil, let operation = current, !operation.isCopying, PQisBusy(handle.pg) == 0 {
            guard let result = PQgetResult(handle.pg) else {
                if !operation.isPipelined { return complete(operation) }
                // Between two commands; twice in a row would mean that libpq has nothing more to say yet.
                nothings += 1
                if nothings > 1 { return }
                continue
            }
            nothings = 0
            take(result, for: operation)
            PQclear(result)
        }
    }

    private func take(_ result: OpaquePointer, for operation: Operation) {
        let status = PQresultStatus(result)
        switch status {
        case PGRES_PIPELINE_SYNC:
            guard PQexitPipelineMode(handle.pg) == 1 else { return lose(libpqFailure()) }
            complete(operation)
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            takeSuccess(result, for: operation)
        case PGRES_COPY_IN:
            guard case .copy = operation.work else { return refuseCopy() }
            operation.copyStarted = true
            continueCopy()
        case PGRES_PIPELINE_ABORTED:
            operation.nextCommand += 1
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE, PGRES_NONFATAL_ERROR:
            takeFailure(ResultReading.failure(result, isConnectionBad: PQstatus(handle.pg) == CONNECTION_BAD), for: operation)
        default:
            refuseCopy()
        }
    }

    private func refuseCopy() { lose(PostgresFailure(.misuse, "COPY outside copyIn")) }

    private func takeSuccess(_ result: OpaquePointer, for operation: Operation) {
        guard case .batch = operation.work else {
            if operation.failure == nil, case .success(let rows) = ResultReading.rows(result) { operation.results = [rows] }
            return
        }
        guard operation.nextCommand < operation.commands.count else { return }
        let command = operation.commands[operation.nextCommand]
        operation.nextCommand += 1
        switch command {
        case .opening: return
        case .prepare(let key, let name, _): prepared[key] = name
        case .statement(let index):
            switch ResultReading.rows(result) {
            case .success(let rows): operation.results.append(rows)
            case .failure(let failure): operation.failure = operation.failure ?? failure.at(index)
            }
        }
    }

    private func takeFailure(_ failure: PostgresFailure, for operation: Operation) {
        defer { operation.nextCommand += 1 }
        guard operation.failure == nil else { return }
        guard operation.nextCommand < operation.commands.count else {
            operation.failure = failure
            return
        }
        switch operation.commands[operation.nextCommand] {
        case .opening:
            operation.failure = failure
            brokenOpening = failure
        case .prepare(_, _, let index):
            operation.failure = failure.at(index)
        case .statement(let index):
            operation.failure = failure.at(index)
            // "cached plan must not change result type", "prepared statement does not exist": prepare anew next time.
            if failure.sqlState == "0A000" || failure.sqlState == "26000" { prepared = [:] }
        }
    }

    private func complete(_ operation: Operation) {
        current = nil
        noteEndedTransaction(operation)
        if operation.failure != nil { partialResults = operation.results }
        operation.finish(operation.outcome)
        startNext()
    }

    /// A body that sends COMMIT itself leaves its scope: what it sends next must not run as the login role.
    private func noteEndedTransaction(_ operation: Operation) {
        guard transaction != nil, opening.isEmpty, brokenOpening == nil, !operation.endsTransaction,
            PQtransactionStatus(handle.pg) == PQTRANS_IDLE
        else { return }
        let failure = PostgresFailure(.misuse, "a statement ended the transaction it ran in")
        brokenOpening = operation.failure ?? failure
        isTainted = true
        operation.failure = operation.failure ?? failure
    }

    // MARK: COPY

    private func continueCopy() {
        guard loss == nil, let operation = current, case .copy(_, let text) = operation.work, operation.isCopying else { return }
        while operation.copied < text.count {
            let end = min(operation.copied + Operation.copyChunkBytes, text.count)
            let taken = text[operation.copied..<end].withUnsafeBytes {
                PQputCopyData(handle.pg, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
            }
            guard taken >= 0 else { return lose(libpqFailure()) }
            if taken == 1 { operation.copied = end }
            flush()
            if loss != nil || wantsWrite { return }
            if taken == 0 { return wantWrite(true) }
        }
        switch PQputCopyEnd(handle.pg, nil) {
        case 1:
            operation.copyEnded = true
            flush()
        case 0: wantWrite(true)
        default: lose(libpqFailure())
        }
    }

    // MARK: Cancelling and limits

    /// Cancels an operation that waits or runs; one that has ended is left alone.
    private func cancel(_ id: UInt64) {
        if let index = queue.firstIndex(where: { $0.id == id }) {
            queue.remove(at: index).finish(.failure(CancellationError()))
            return
        }
        guard loss == nil, let operation = current, operation.id == id, !operation.isCancelled else { return }
        operation.isCancelled = true
        wasCancelled = true
        operation.deadlineNanoseconds = monotonicNanoseconds() + UInt64(PGConnection.cancelGraceMilliseconds) * 1_000_000
        armWatchdog()
        guard let request = PQgetCancel(handle.pg) else { return }
        let ticket = CancelTicket(request: request)
        BlockingThread.start(named: "pg-cancel") {
            var message = [CChar](repeating: 0, count: 256)
            // A request that fails leaves the statement running; the watchdog then ends the connection.
            _ = PQcancel(ticket.request, &message, Int32(message.count))
            PQfreeCancel(ticket.request)
        }
    }

    private struct CancelTicket: @unchecked Sendable {
        let request: OpaquePointer
    }

    /// One timer per connection: it looks again when an operation's deadline comes and gives the connection up.
    private func armWatchdog() {
        guard loss == nil, let due = current?.deadlineNanoseconds else { return }
        if let watchdog {
            guard due < watchdog.dueNanoseconds else { return }
            reactor.cancelTimer(watchdog.timer)
        }
        let now = monotonicNanoseconds()
        let milliseconds = due > now ? Int((due - now) / 1_000_000) + 1 : 0
        let timer = reactor.after(milliseconds: milliseconds) { [weak self] in self?.assumeIsolated { $0.watchdogBarks() } }
        watchdog = (timer, due)
    }

    private func watchdogBarks() {
        watchdog = nil
        guard let due = current?.deadlineNanoseconds else { return }
        guard due <= monotonicNanoseconds() else { return armWatchdog() }
        let wasCancelled = current?.isCancelled ?? false
        if wasCancelled { current?.failure = nil }
        let failure = PostgresFailure(.timedOut, wasCancelled ? "no answer after a cancel request" : "no answer within the limit")
        lose(failure)
    }

    private func libpqFailure() -> PostgresFailure {
        PostgresFailure(.connectionLost, String(cString: PQerrorMessage(handle.pg)).trimmed)
    }
}
