internal import Incidents
package import Kernel
internal import Logging
internal import Postgres
package import Records
internal import Reports
internal import Seals
internal import Telemetry
internal import Tenancy

/// Wakes whoever builds and sends reports: what people do raises it, and the work waits for it.
package final class ReportWaker: Sendable {
    let signal = Signal()

    package init() {}

    package func wake() { signal.raise() }
}

/// Builds reports that were begun and delivers those that were sent: takes what is due, tenants in turn.
///
/// A delivery is in the database before anybody tries it, and every try is written beside it. Whoever takes one may die; it is
/// then taken again, so a report may arrive twice and never not at all.
package final class ReportSending: Sendable {
    package static let attemptsMax: Int32 = 6
    /// Longer than a page and than any answer is waited for.
    static let claimSeconds: Int64 = 120
    static let pauseMilliseconds: Int64 = 2000
    static let openMax = 4
    static let answerBytesMax = 200

    /// A report as it is mailed: words in the reader's language, and the file when there is one.
    package struct Letter: Sendable {
        package let subject: String
        package let text: String
        package let fileName: String
        /// The brand's name for itself, its address and where answers go; empty where it says nothing.
        package let sender: (name: String, address: String, replyTo: String)
        /// Nil when no PDF can be made here; the words then say where the report is read.
        package let pdf: [UInt8]?

        package init(
            subject: String, text: String, fileName: String,
            sender: (name: String, address: String, replyTo: String) = ("", "", ""), pdf: [UInt8]?
        ) {
            self.subject = subject
            self.text = text
            self.fileName = fileName
            self.sender = sender
            self.pdf = pdf
        }
    }

    private let platform: Platform
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory
    private let building: ReportBuilding
    private let send: @Sendable (PageDispatch, TenantID) async throws -> Asking.Answer
    private let write: @Sendable (ReportDesk.Shown, ScopeRow) async throws -> Letter
    private let waker: ReportWaker

    /// `send` asks the operator's worker; `write` makes the letter of a report for its tenant.
    package init(
        platform: Platform, assets: AssetLibrary, scopes: ScopeDirectory, building: ReportBuilding, waker: ReportWaker,
        write: @escaping @Sendable (ReportDesk.Shown, ScopeRow) async throws -> Letter,
        send: @escaping @Sendable (PageDispatch, TenantID) async throws -> Asking.Answer
    ) {
        self.platform = platform
        self.assets = assets
        self.scopes = scopes
        self.building = building
        self.waker = waker
        self.write = write
        self.send = send
    }

    /// Runs until cancelled.
    package func run() async {
        await platform.rounds(.reportWork, failure: "reports could not be looked for") {
            try await workDue() > 0
        } rest: { _ in
            await waker.signal.wait(milliseconds: ReportSending.pauseMilliseconds)
        }
    }

    private struct Claim: Sendable {
        let lane: Int32
        let id: Int64
        let tenant: TenantID
        let report: SLAReportID
        let delivery: ReportDeliveryID?
    }

    /// Does everything that is due once, and says how much that was.
    package func workDue() async throws -> Int {
        let now = platform.clock.now
        let claims = try await platform.store.withLane(0) { tx in
            try await tx.query(
                ReportQueries.claim(
                    now: now, until: now.adding(seconds: ReportSending.claimSeconds), limit: ReportSending.openMax)
            ).map { row in
                Claim(
                    lane: try row.get("lane", as: Int32.self), id: try row.get("id", as: Int64.self),
                    tenant: try row.get("tenant_id", as: TenantID.self),
                    report: try row.get("report_id", as: SLAReportID.self),
                    delivery: try row.get("delivery_id", as: ReportDeliveryID?.self))
            }
        }
        for claim in claims {
            do {
                if let delivery = claim.delivery {
                    try await deliver(delivery, claim)
                } else {
                    try await build(claim)
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // It comes back when its claim ends.
                platform.logger.warning(
                    "a report was not worked on", metadata: ["report": "\(claim.report)", "error": "\(error)"])
            }
        }
        return claims.count
    }

    private func build(_ claim: Claim) async throws {
        let started = platform.clock.now
        let isBuilt = try await building.build(claim.report, of: claim.tenant) { [self] in
            let until = platform.clock.now.adding(seconds: ReportSending.claimSeconds)
            try await platform.store.withLane(claim.lane) { tx in
                _ = try await tx.execute(ReportQueries.hide(lane: claim.lane, id: claim.id, until: until))
            }
        }
        guard isBuilt else {
            // Another process builds it, and may yet die: then the claim's end brings the report back.
            let row = try await platform.store.withTenant(claim.tenant) { tx in
                try await tx.query(ReportQueries.find(tenant: claim.tenant, id: claim.report)).first.map(SLAReportRow.init)
            }
            if row?.phase != ReportLife.Phase.building.rawValue { try await done(claim) }
            return
        }
        try await done(claim)
        platform.metrics.counter("countersign_reports_built_total", "Monthly reports whose rows have been read.").add(1)
        platform.logger.info(
            "report built",
            metadata: [
                "report": "\(claim.report)", "tenant": "\(claim.tenant)",
                "milliseconds": "\(platform.clock.now.milliseconds(since: started))",
            ])
    }

    private func done(_ claim: Claim) async throws {
        try await platform.store.withLane(claim.lane) { tx in
            _ = try await tx.execute(ReportQueries.dequeue(lane: claim.lane, id: claim.id))
        }
    }

    // MARK: Delivering

    private func deliver(_ id: ReportDeliveryID, _ claim: Claim) async throws {
        let tenant = claim.tenant
        let found = try await platform.store.withTenant(tenant) { tx -> (ReportDeliveryRow, ReportDesk.Shown)? in
            guard
                let delivery = try await tx.query(ReportQueries.lockDelivery(tenant: tenant, id: id)).first.map(
                    ReportDeliveryRow.init), delivery.state == "queued",
                let row = try await tx.query(ReportQueries.find(tenant: tenant, id: claim.report)).first.map(SLAReportRow.init)
            else { return nil }
            return (delivery, try await ReportDesk.shown(row, tx))
        }
        guard let (delivery, shown) = found else { return try await done(claim) }
        let started = platform.clock.now
        let (outcome, answer) = try await attempt(delivery, shown)
        let ended = platform.clock.now
        var settled = delivery
        settled.attemptsUsed += 1
        let isOver = outcome != "unreached" || settled.attemptsUsed >= ReportSending.attemptsMax
        if isOver {
            settled.state = outcome == "accepted" ? "delivered" : "failed"
            settled.endedAt = ended
        }
        let tried = ReportAttemptRow(
            tenant: tenant, delivery: id, attempt: settled.attemptsUsed, at: started, outcome: outcome,
            answer: PageDelivery.shown(answer), milliseconds: Int32(clamping: ended.milliseconds(since: started)))
        let (final, expected) = (settled, delivery.attemptsUsed)
        try await platform.store.withTenant(tenant) { tx in
            let held = try await tx.query(ReportQueries.lockDelivery(tenant: tenant, id: id)).first.map(ReportDeliveryRow.init)
            guard held?.attemptsUsed == expected else { return }
            _ = try await tx.pipeline([ReportQueries.settle(final), ReportQueries.insertAttempt(tried)])
        }
        platform.metrics.counter("countersign_report_attempts_total", "Attempts to deliver reports.", labels: ["outcome"])
            .add(1, outcome)
        if isOver { return try await done(claim) }
        let until = ended.adding(seconds: PageDelivery.pause(after: settled.attemptsUsed))
        try await platform.store.withLane(claim.lane) { tx in
            _ = try await tx.execute(ReportQueries.hide(lane: claim.lane, id: claim.id, until: until))
        }
    }

    private func attempt(
        _ delivery: ReportDeliveryRow, _ shown: ReportDesk.Shown
    ) async throws -> (outcome: String, answer: String) {
        do {
            let scope = try await scopes.scope(delivery.tenant)
            let current = try await assets.current(for: delivery.tenant)
            guard let mail = OnCall(current)?.document.settings.mail,
                let above = try await scopes.all().first(where: { $0.kind == "operator" })
            else { return ("refused", "the rota of the operator names no mail server") }
            let letter = try await write(shown, scope)
            var password: String?
            if let secret = mail.secret {
                let rows = try await platform.store.withTenant(above.id) { tx in
                    try await tx.query(SecretQueries.all(tenant: above.id))
                }
                guard let value = try platform.secrets.opened(rows, of: above.id)[secret] else {
                    return ("unreached", "the secret \(secret) of the operator is not set")
                }
                password = value
            }
            let message = MailMessage(
                id: "report-\(delivery.id)",
                from: MailMessage.Sender(
                    name: letter.sender.name, address: letter.sender.address.isEmpty ? mail.from : letter.sender.address,
                    replyTo: letter.sender.replyTo), to: delivery.address, subject: letter.subject, text: letter.text,
                attachment: letter.pdf.map {
                    MailMessage.Attachment(name: letter.fileName, type: "application/pdf", bytes: $0)
                })
            let dispatch = PageDispatch.mail(
                PageDispatch.Mail(
                    server: mail.server, from: mail.from, to: delivery.address, message: message.bytes(at: platform.clock.now),
                    user: mail.user, password: password, isEncrypted: mail.isEncrypted, allow: mail.allow))
            switch try await send(dispatch, above.id) {
            case .output(let output):
                let word = output["outcome"]?.string ?? ""
                return (
                    ["accepted", "refused"].contains(word) ? word : "unreached", output["answer"]?.string ?? ""
                )
            case .failed(_, let message): return ("unreached", message)
            }
        } catch let refusal as Refusal {
            return ("unreached", refusal.message)
        } catch let fault as Fault {
            platform.logger.error("report not prepared", metadata: ["delivery": "\(delivery.id)", "error": "\(fault)"])
            return ("unreached", "It could not be prepared.")
        }
    }
}
