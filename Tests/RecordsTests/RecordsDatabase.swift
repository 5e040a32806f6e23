import Kernel
import Postgres
import TestKit

@testable import Records

extension TestTemplate {
    /// The whole schema, migrated once per test run.
    static let migrated = TestTemplate(name: "records") { dsn in
        let store = Store(directDSN: dsn)
        do {
            _ = try await Migrator(store).migrate()
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }
}

/// A transaction that was only tried: thrown to undo it.
struct Undone: Error {}

/// Fixed instants and ids of one made-up tenant, so that two of them never share a key.
struct SampleTenant: Sendable {
    static let now = Moment(seconds: 1_783_000_000)

    let number: UInt64
    let lane: Int32

    var id: TenantID { made(1) }
    var person: PersonID { made(2) }
    var asset: AssetID { made(3) }
    var document: DocumentID { made(4) }
    var invoice: InvoiceID { made(5) }
    var run: RunID { made(6) }
    var task: TaskID { made(7) }
    var clock: ClockID { made(8) }
    var incident: IncidentID { made(9) }
    var command: CommandID { made(10) }
    var session: SessionID { made(11) }
    var key: SessionID { made(12) }
    var entry: AuditEntryID { made(13) }
    var page: PageID { made(14) }
    var swap: SwapID { made(15) }
    var colleague: PersonID { made(16) }
    var operation: OperationID { made(17) }
    var rollout: RolloutID { made(18) }
    var event: EventID { made(19) }
    var hold: HoldID { made(20) }
    var schedule: ScheduleID { made(21) }
    var onboarding: OnboardingID { made(110) }

    var rolloutRow: RolloutRow {
        RolloutRow(tenant: id, id: rollout, lane: lane, workflow: "w", version: "2", stage: "shadow", startedAt: Self.now)
    }

    var comparisonRow: ComparisonRow {
        ComparisonRow(
            tenant: id, run: run, lane: lane, rollout: rollout, at: Self.now, verdict: "different", subject: "R-1",
            amountMinor: 100, currency: "EUR", kinds: ["write"], report: [:])
    }

    var scheduleRow: ScheduleRow {
        ScheduleRow(
            tenant: id, id: schedule, lane: lane, workflow: "w", version: "1", rule: [:], fingerprint: "f", zoneVersion: "UTC",
            from: Self.now)
    }

    var scheduleTime: ScheduleTimeRow {
        ScheduleTimeRow(scheduleRow, nominal: Self.now, number: 1, outcome: ScheduleTimeRow.started, at: Self.now, run: run)
    }

    var brandVersion: BrandVersionRow {
        BrandVersionRow(
            tenant: id, number: 1, state: "draft", content: [:], madeBy: person, madeByNatural: person, madeAt: Self.now)
    }

    var brandFile: BrandFileRow {
        BrandFileRow(
            tenant: id, name: String(repeating: "0", count: 64) + ".png", width: 1, height: 1, bytes: [1], storedAt: Self.now,
            storedBy: person)
    }

    /// Of a tree, whatever it holds.
    static let hash = [UInt8](repeating: 7, count: 32)

    var checkpointRow: CheckpointRow { CheckpointRow(tenant: id, size: 1, root: Self.hash, at: Self.now, note: "n") }

    func made<S>(_ part: UInt64, _ kind: ID<S>.Type = ID<S>.self) -> ID<S> {
        ID<S>(high: 0x0190_0000_0000_7000 | number, low: 0x8000_0000_0000_0000 | part)
    }

    var scope: ScopeRow {
        ScopeRow(
            id: id, kind: "operator", slug: "scope-\(number)", name: "Scope \(number)", parent: nil, lane: lane, locale: "en",
            timeZone: "UTC",
            state: "active")
    }

    var personRow: PersonRow {
        PersonRow(
            tenant: id, id: person, slug: "maya", name: "Maya", email: "maya@\(number).example", natural: person,
            roles: ["grants": []],
            state: "active")
    }

    var assetRow: AssetRow {
        AssetRow(
            tenant: id, id: asset, kind: "policy", name: "route", version: "1", contentHash: [1], content: [:],
            publishedAt: Self.now)
    }

    var documentRow: DocumentRow {
        DocumentRow(
            tenant: id, id: document, sha256: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32), fileName: "r.xml",
            sizeBytes: 3,
            channel: "upload", receivedAt: Self.now, recordedBy: person, traceparent: nil)
    }

    var invoiceRow: InvoiceRow {
        InvoiceRow(
            tenant: id, id: invoice, document: document, entityCode: "DE01", supplierName: "Elbe Papier GmbH",
            supplierVAT: "DE136695976",
            supplierIBAN: nil, number: "R-1", numberNormal: "R1", kind: "invoice", issueDate: CivilDate("2026-06-01"),
            currency: "EUR",
            grossMinor: 11_900, content: [:], findings: [], createdAt: Self.now)
    }

    var runRow: RunRow {
        RunRow(
            RunSummary(
                tenant: id, id: run, workflow: "accounts-payable", workflowVersion: "1.0", document: document, invoice: invoice,
                subject: "R-1", counterparty: "Elbe Papier GmbH", amountMinor: 11_900, currency: "EUR", startedAt: Self.now,
                traceparent: nil),
            lane: lane, pinned: [:], state: [:])
    }

    var eventRow: ReceivedEventRow {
        ReceivedEventRow(
            tenant: id, id: event, lane: lane, source: "/bank", eventID: "1", type: "bank.paid", content: [:], run: run,
            receivedAt: Self.now, expiresAt: Self.now, forgetAt: Self.now)
    }

    var eventReading: EventReadingRow {
        EventReadingRow(tenant: id, id: "r", type: "bank.paid", content: [], madeAt: Self.now)
    }

    var subscription: SubscriptionRow {
        SubscriptionRow(
            tenant: id, run: run, step: "listen", place: 0, type: "bank.paid", reading: "r", key: "k", sought: [:], takes: "all",
            since: Self.now, looksFrom: Self.now)
    }

    var operationRow: OperationRow {
        OperationRow(
            tenant: id, id: operation, kind: "pause", parameters: [:], selection: [:], hash: "h", preview: [:],
            needsSecond: false, madeBy: person, madeByNatural: person, madeAt: Self.now, expiresAt: Self.now)
    }

    var holdRow: HoldRow {
        HoldRow(tenant: id, id: hold, run: run, reason: "A court asked.", placedBy: person, placedAt: Self.now)
    }

    var operationItem: OperationItemRow {
        OperationItemRow(
            ordinal: 0, run: run, task: nil, subject: "R-1", risk: "standard", obstacle: nil, command: command, payload: [:])
    }

    var historyRow: HistoryRow {
        HistoryRow(
            tenant: id, run: run, seq: 1, at: Self.now, type: "run.started", step: "", summary: "It began.", person: person,
            data: [:])
    }

    var taskRow: TaskRow {
        TaskRow(
            tenant: id, id: task, lane: lane, taskClass: "worker", kind: "erp.read", key: "/supplier#1", title: "Look up",
            run: run,
            document: document, connection: "erp", idempotencyKey: "k", request: [:], progress: [:], state: "ready",
            createdAt: Self.now)
    }

    var leaseRow: LeaseRow {
        LeaseRow(
            tenant: id, task: task, lane: lane, attempt: 1, tokenHash: [2], epoch: 1, worker: "w", kind: "erp.read",
            connection: "erp",
            phase: "full", leasedAt: Self.now, expiresAt: Self.now)
    }

    var paymentRow: PaymentRow {
        PaymentRow(tenant: id, invoice: invoice, lane: lane, run: run, postedRun: run, askedBy: person, askedAt: Self.now)
    }

    var connectionStatus: ConnectionStatusRow {
        ConnectionStatusRow(
            tenant: id, connection: "erp", circuit: "open", code: "auth", since: Self.now, retryAt: Self.now,
            spentDay: CivilDate(utc: Self.now), spent: 3, perDay: 10, seenAt: Self.now)
    }

    var clockRow: ClockRow {
        ClockRow(
            tenant: id, id: clock, lane: lane, subject: .run(run), objective: "posting", contractAsset: asset,
            contractVersion: "1",
            calendarAsset: asset, zoneVersion: "2026a", targetSeconds: 60, events: [], startedAt: Self.now)
    }

    var judgedRun: JudgedRunRow {
        JudgedRunRow(
            tenant: id, run: run, objective: "touchless", contractAsset: asset, contractVersion: "1", cause: "request",
            at: Self.now)
    }

    var pageRow: PageRow {
        PageRow(
            tenant: id, id: page, lane: lane, incident: incident, person: person, personName: "Maya", channel: "mail",
            kind: "page", layer: "First", reason: "it was opened", decidedAt: Self.now, dueAt: Self.now)
    }

    var pageAttemptRow: PageAttemptRow {
        PageAttemptRow(
            tenant: id, page: page, attempt: 1, at: Self.now, outcome: "accepted", answer: "250 Ok", milliseconds: 3)
    }

    var swapRow: SwapRow {
        SwapRow(
            tenant: id, id: swap, rota: "platform", layer: 0, from: Self.now, to: Self.now.adding(seconds: 60), giver: person,
            taker: colleague, reason: "r", askedAt: Self.now)
    }

    var drillRow: RunbookExecutionRow {
        RunbookExecutionRow(
            tenant: id, id: made(30), incident: nil, alert: "sla-breach", isDrill: true, state: "running", machine: [:],
            startedBy: person, startedAt: Self.now)
    }

    var workStopRow: WorkStopRow {
        WorkStopRow(
            tenant: id, id: made(100), lane: lane, kind: "connection", connection: "erp", reason: "r", placedBy: person,
            placedAt: Self.now)
    }

    var postmortemRow: PostmortemRow {
        PostmortemRow(
            tenant: id, id: made(80), state: "draft", machine: [:], draftedBy: person, draftedAt: Self.now)
    }

    var digestRow: DigestRow {
        DigestRow(
            tenant: id, id: made(81), rota: "platform", person: person, personName: "Maya", dueAt: Self.now, nextAt: Self.now)
    }

    var incidentRow: IncidentRow {
        IncidentRow(
            tenant: id, id: incident, lane: lane, number: 1, alert: "sla-breach", fingerprint: "f\(number)", title: "Missed",
            severity: "sev2",
            state: "triggered", facts: [:], machine: [:], run: run, openedAt: Self.now)
    }

    var commandRow: CommandRow {
        CommandRow(
            tenant: id, id: command, lane: lane, idempotencyKey: "c1", kind: "run.start", run: run, task: task, payload: [:],
            createdAt: Self.now)
    }

    var auditRow: AuditRow {
        AuditRow(
            tenant: id, id: entry, lane: lane, at: Self.now, actorKind: "person", actor: person.text, action: "run.finished",
            objectType: "run",
            objectID: run.text, run: run, content: [:])
    }

    var outboxRow: OutboxRow { OutboxRow(tenant: id, lane: lane, at: Self.now, topic: "run.changed", run: run, facts: [:]) }

    var timer: TimerQueries.New {
        TimerQueries.New(
            dueAt: Self.now, tenant: id, subject: "run", subjectID: AnyID(high: run.high, low: run.low), key: "t")
    }
}

extension SampleTenant {
    /// One row in every table that has a tenant, written by the product's own statements under the product's own roles.
    func fill(_ store: Store) async throws {
        let now = Self.now
        try await store.withTenant(id) { tx in
            _ = try await tx.pipeline([
                ScopeQueries.put(scope, at: now), ScopeQueries.putPerson(personRow, at: now),
                ScopeQueries.putPerson(
                    PersonRow(
                        tenant: id, id: colleague, slug: "ben", name: "Ben", email: "ben@\(number).example", natural: colleague,
                        roles: ["grants": []], state: "active"), at: now), SwapQueries.insert(swapRow),
                SignInQueries.putAccount(tenant: id, person: person, emailFolded: "maya@\(number).example"),
                SessionQueries.open(
                    tenant: id, id: session, tokenHash: [9, UInt8(truncatingIfNeeded: number)], person: person,
                    place: SessionPlace(agent: "a", address: "::1"), now: now, expiresAt: now.adding(seconds: 60),
                    isPending: false),
                KeyQueries.put(
                    tenant: id,
                    NewKey(
                        id: key, keyID: "key\(number)", secretHash: [8], person: person, name: "k", environment: "prod",
                        roles: [], tenants: [], maker: person, replaces: nil), now: now, expiresAt: now.adding(seconds: 60)),
                FactorQueries.add(tenant: id, person: person, version: 1, sealed: [6], now: now),
                FactorQueries.know(
                    tenant: id, person: person, device: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32),
                    now: now),
                FactorQueries.addRecovery(
                    tenant: id, person: person,
                    hashes: [[UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32)], now: now),
                LinkQueries.put(
                    tenant: id, id: session,
                    tokenHash: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32), person: person, by: person,
                    now: now, expiresAt: now.adding(seconds: 60)),
                AssetQueries.publish(assetRow, by: person),
                AssetQueries.makeCurrent(tenant: id, kind: "policy", name: "route", asset: asset, at: now),
                SecretQueries.put(tenant: id, name: "erp-token", version: 1, sealed: [7], fingerprint: "f", at: now),
                DocumentQueries.insert(documentRow),
                DocumentQueries.insertChunk(tenant: id, document: document, ordinal: 0, bytes: [1, 2, 3]),
                InvoiceQueries.insert(invoiceRow), PaymentQueries.ask(paymentRow), ConnectionStatusQueries.put(connectionStatus),
                CommandQueries.insert(commandRow), OperationQueries.insert(operationRow),
                OperationQueries.insert(tenant: id, operation: operation, [operationItem]),
                IdempotencyQueries.begin(tenant: id, principal: person, route: "POST /x", key: "k", fingerprint: [1], now: now),
                RunbookQueries.insert(drillRow), HeartbeatQueries.beat(tenant: id, ids: [heartbeat], [beat]),
                BudgetQueries.raise(tenant: id, objective: "posting", alarm: "slo-fast-burn", now: now, tellBefore: now),
                StatusQueries.insert(statusPage), StatusQueries.insert(statusComponent),
                StatusQueries.look(
                    tenant: id, component: statusComponent.id, state: "operational", at: now, gapSince: now),
                StatusQueries.insert(statusNotice),
                StatusQueries.addUpdate(
                    tenant: id, notice: statusNotice.id, number: 1, phase: "identified", by: person, at: now, publishedAt: nil),
                StatusQueries.addWording(
                    tenant: id, notice: statusNotice.id, number: 1, wording: 1, text: "Late.", by: person, at: now),
                MaintenanceQueries.insert(maintenanceRow), CorrectionQueries.insert(correctionRow),
                ContractQueries.insert(contractRow), ContractQueries.begin(contractPeriod, tenant: id),
                ContractQueries.raiseGap(tenant: id, workflow: "accounts-payable", now: now, tellBefore: now),
                StatusSubscriberQueries.insert(statusSubscriber), StatusSubscriberQueries.insert(statusDelivery),
                StatusSubscriberQueries.insertAttempt(statusAttempt),
                OverviewQueries.putWorker(
                    tenant: id, state: "running", pid: 1, level: "L1", residentBytes: 1, restarts: 0, startedAt: now, seenAt: now,
                    detail: ""),
            ])
        }
        try await store.withLane(lane) { tx in
            _ = try await tx.pipeline([
                RolloutQueries.put(rolloutRow), ScheduleQueries.put(scheduleRow), ScheduleQueries.putTime(scheduleTime),
                GuardrailQueries.put([guardrailAct], at: now), GuardrailQueries.count(lane: lane, [guardrailAct]),
                GuardrailQueries.observe(lane: lane, [supplierAccount], at: now),
                RolloutQueries.insertRuns(
                    lane: lane, tenants: [id], runs: [run], rollouts: [rollout], arms: ["live"], at: Self.now),
                RolloutQueries.note(lane: lane, tenants: [id], runs: [run], events: [[:]], at: Self.now),
                RolloutQueries.compared(comparisonRow),
                RunQueries.insert([runRow]), RunQueries.insertHistory(lane: lane, [historyRow]), TaskQueries.insert([taskRow]),
                LeaseQueries.insert([leaseRow]),
                ConnectionWriterQueries.take(lane: lane, tenant: id, connection: "erp", worker: "w", now: now, until: now),
                ClockQueries.insert([clockRow]), BudgetQueries.count(lane: lane, [decidedCase]),
                BudgetQueries.judge(lane: lane, [judgedRun]),
                IncidentQueries.insert(incidentRow),
                IncidentQueries.append(
                    lane: lane, tenant: id, incident: incident, at: now, kind: "opened", person: nil, text: "It was opened."),
                DigestQueries.note(lane: lane, tenant: id, incident: incident, person: person, why: "it was opened", at: now),
                IncidentQueries.link(lane: lane, tenant: id, incident: incident, run: run, at: now, max: 2),
                AuditQueries.insert([auditRow]), OutboxQueries.insert([outboxRow]),
                PageQueries.insert(pageRow), PageQueries.enqueue(pageRow), PageQueries.insertAttempt(lane: lane, pageAttemptRow),
                TimerQueries.insert(lane: lane, [timer]), EventQueries.insert([eventRow]),
                EventQueries.insertReadings(lane: lane, [eventReading]), EventQueries.subscribe(lane: lane, [subscription]),
                EventQueries.insertKeys(lane: lane, tenants: [id], readings: ["r"], keys: ["k"], events: [event]),
                ReadyQueries.insert(lane: lane, tenants: [id], tasks: [task], priorities: [10], at: now),
            ])
        }
        try await store.withSealer { tx in
            _ = try await tx.pipeline([
                SealQueries.ensureHeads(lane: lane, cluster: "c", oldest: "3"),
                SealQueries.seal(tenants: [id], seqs: [0], entries: [entry], leaves: [Self.hash], at: now),
                SealQueries.keepSubtrees(tenants: [id], heights: [8], indexes: [0], hashes: [Self.hash]),
                SealQueries.keepCheckpoint(checkpointRow),
            ])
        }
        try await store.withTenant(id) { tx in
            _ = try await tx.pipeline(
                reportStatements + [
                    DelegationQueries.insert(delegationRow), HoldQueries.place(holdRow), BrandQueries.insert(brandVersion),
                    BrandQueries.store(brandFile),
                ])
        }
        try await store.withTenant(id) { tx in
            _ = try await tx.pipeline([
                WorkStopQueries.place(workStopRow), DigestQueries.insert(digestRow), PostmortemQueries.insert(postmortemRow),
                PostmortemQueries.tell(tenant: id, id: postmortemRow.id, incidents: [incident]),
                PostmortemQueries.remind(tenant: id, incident: incident, action: 0, now: now, again: now),
            ])
        }
        try await store.withTenant(id) { tx in _ = try await tx.pipeline(onboardingStatements) }
        try await store.withTenant(id) { tx in
            _ = try await tx.pipeline([
                WebhookQueries.insert(webhook), WebhookQueries.tell([webhookFact]), IdentityQueries.begin(providerVisit),
                IdentityQueries.link(
                    tenant: id, issuer: "https://login.example", subject: "s-\(number)", person: person, now: now),
            ])
        }
        try await store.withTenant(id) { tx in
            _ = try await tx.pipeline([
                EvidenceQueries.insert(evidencePack), EvidenceQueries.enqueue(evidencePack),
                EvidenceQueries.putPiece(tenant: id, id: evidencePack.id, attempt: 1, list: "people", seq: 1, content: "{}\n"),
            ])
        }
        try await store.withLane(lane) { tx in
            _ = try await tx.execute(WebhookQueries.insertAttempt(lane: lane, webhookAttempt))
        }
        try await store.withKeeper { tx in
            _ = try await tx.execute(KeepingQueries.mark(tenant: id, finishedAt: now, run: run))
        }
        try await store.withTenant(id) { tx in
            _ = try await tx.execute(OverviewQueries.refresh(tenant: id, dayStart: now, now: now))
        }
    }
}
