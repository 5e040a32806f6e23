import Kernel
import Postgres

@testable import Records

extension RegisteredStatement {
    /// Every statement of the room; a list of variants where the text depends on the arguments.
    static let all: [RegisteredStatement] =
        assets + people + proofs + keys + documents + runs + events + payments + work + measures + incidents + pages + operations
        + brands + rollouts + schedules + guardrails + reports + runbooks + journals + seals + keeping + holds + overviews
        + lanes + lookouts + status + statusSubscribers + postmortems + digests + contracts + stops + webhooks + delegations
        + identities + onboardings + evidence

    static let one = SampleTenant(number: 1, lane: 1)
    static let now = SampleTenant.now

    static func app(_ name: String, _ sql: SQL) -> RegisteredStatement {
        RegisteredStatement(name: name, sender: .app, sql: sql)
    }
    static func engine(_ name: String, _ sql: SQL) -> RegisteredStatement {
        RegisteredStatement(name: name, sender: .engine, sql: sql)
    }
    static func gate(_ name: String, _ sql: SQL) -> RegisteredStatement {
        RegisteredStatement(name: name, sender: .gate, sql: sql)
    }
    static func report(_ name: String, _ sql: SQL) -> RegisteredStatement {
        RegisteredStatement(name: name, sender: .report, sql: sql)
    }
    static func keeper(_ name: String, _ sql: SQL) -> RegisteredStatement {
        RegisteredStatement(name: name, sender: .keeper, sql: sql)
    }
    static func schema(_ name: String, _ sql: SQL) -> RegisteredStatement {
        RegisteredStatement(name: name, sender: .schema, sql: sql)
    }
    static func sealer(_ name: String, _ sql: SQL) -> RegisteredStatement {
        RegisteredStatement(name: name, sender: .sealer, sql: sql)
    }

    private static let assets: [RegisteredStatement] = [
        app("AssetQueries.publish", AssetQueries.publish(one.assetRow, by: one.person)),
        app("AssetQueries.version", AssetQueries.version(tenant: one.id, kind: "policy", name: "route", version: "1")),
        app(
            "AssetQueries.makeCurrent",
            AssetQueries.makeCurrent(tenant: one.id, kind: "policy", name: "route", asset: one.asset, at: now)),
        app(
            "AssetQueries.retire",
            AssetQueries.retire(tenant: one.id, besides: ["policy"], names: ["route"], sparing: ["runbook"], at: now)),
        app("AssetQueries.current", AssetQueries.current(tenant: one.id)),
        app("AssetQueries.history", AssetQueries.history(tenant: one.id, kind: "calendar", limit: 5)),
        app("AssetQueries.load", AssetQueries.load(tenant: one.id, ids: [one.asset])),
        app(
            "SecretQueries.put",
            SecretQueries.put(tenant: one.id, name: "t", version: 2, sealed: [1], fingerprint: "f", at: now)),
        app("SecretQueries.version", SecretQueries.version(tenant: one.id, name: "t")),
        app("SecretQueries.all", SecretQueries.all(tenant: one.id)),
    ]

    private static let people: [RegisteredStatement] = [
        app("ScopeQueries.put", ScopeQueries.put(one.scope, at: now)),
        gate("ScopeQueries.all", ScopeQueries.all()),
        report("ScopeQueries.all", ScopeQueries.all()),
        app("ScopeQueries.putPerson", ScopeQueries.putPerson(one.personRow, at: now)),
        app("ScopeQueries.people", ScopeQueries.people(tenant: one.id)),
        app("ScopeQueries.disablePeople", ScopeQueries.disablePeople(tenant: one.id, besides: [one.person])),
        app("ScopeQueries.person", ScopeQueries.person(tenant: one.id, id: one.person)),
        app("SignInQueries.putAccount", SignInQueries.putAccount(tenant: one.id, person: one.person, emailFolded: "a@b.example")),
        app("SignInQueries.dropAccounts", SignInQueries.dropAccounts(tenant: one.id, people: [])),
        app("SignInQueries.setPassword", SignInQueries.setPassword(tenant: one.id, person: one.person, hash: "h")),
        gate("SignInQueries.accounts", SignInQueries.accounts(emailFolded: "a@b.example")),
        app("SignInQueries.account", SignInQueries.account(tenant: one.id, person: one.person)),
        app("SignInQueries.noteFailure", SignInQueries.noteFailure(tenant: one.id, person: one.person, at: now)),
        app("SignInQueries.clearFailures", SignInQueries.clearFailures(tenant: one.id, person: one.person)),
        gate("SignInQueries.sessionOwner", SignInQueries.sessionOwner(tokenHash: [1])),
        app("SignInQueries.session", SignInQueries.session(tenant: one.id, id: one.session, now: now, idleBefore: now)),
        app("SignInQueries.touchSession", SignInQueries.touchSession(tenant: one.id, id: one.session, now: now)),
        app("SignInQueries.endSessions", SignInQueries.endSessions(tenant: one.id, people: [one.person], now: now)),
        app("SignInQueries.revokeKeys", SignInQueries.revokeKeys(tenant: one.id, people: [one.person], now: now)),
        app("SignInQueries.endSession", SignInQueries.endSession(tenant: one.id, id: one.session, now: now)),
        gate("SignInQueries.keyOwner", SignInQueries.keyOwner(keyID: "k")),
        app("SignInQueries.renewHash", SignInQueries.renewHash(tenant: one.id, person: one.person, from: "h", to: "g")),
    ]

    private static let documents: [RegisteredStatement] = [
        app("DocumentQueries.insert", DocumentQueries.insert(one.documentRow)),
        app(
            "DocumentQueries.insertChunk",
            DocumentQueries.insertChunk(tenant: one.id, document: one.document, ordinal: 1, bytes: [1])),
        app("DocumentQueries.chunks", DocumentQueries.chunks(tenant: one.id, document: one.document)),
        app("DocumentQueries.find", DocumentQueries.find(tenant: one.id, id: one.document)),
        app("DocumentQueries.find", DocumentQueries.find(tenant: one.id, sha256: [1])),
        app(
            "DocumentQueries.markCanonical",
            DocumentQueries.markCanonical(tenant: one.id, id: one.document, kind: "ubl", invoice: one.invoice, run: one.run)),
        app(
            "DocumentQueries.markUnreadable",
            DocumentQueries.markUnreadable(tenant: one.id, id: one.document, kind: nil, reason: "r")),
        app("DocumentQueries.page", DocumentQueries.page(tenant: one.id, before: nil, limit: 5)),
        app("DocumentQueries.page", DocumentQueries.page(tenant: one.id, before: (now, one.document), limit: 5)),
        app("InvoiceQueries.insert", InvoiceQueries.insert(one.invoiceRow)),
        app("InvoiceQueries.find", InvoiceQueries.find(tenant: one.id, id: one.invoice)),
        app("InvoiceQueries.lockDuplicates", InvoiceQueries.lockDuplicates(tenant: one.id)),
        app(
            "InvoiceQueries.duplicateCandidates",
            InvoiceQueries.duplicateCandidates(
                tenant: one.id, besides: one.document, numberNormal: "R1", currency: "EUR", grossMinor: nil, limit: 5)),
    ]

    private static let events: [RegisteredStatement] = [
        engine("EventQueries.known", EventQueries.known(lane: 1, tenants: [one.id], sources: ["/bank"], ids: ["1"])),
        engine("EventQueries.load", EventQueries.load(lane: 1, tenants: [one.id], ids: [one.event])),
        engine("EventQueries.keptCounts", EventQueries.keptCounts(lane: 1, tenants: [one.id], now: now)),
        engine(
            "EventQueries.readings", EventQueries.readings(lane: 1, tenants: [one.id], types: ["bank.paid"], limit: 10)),
        engine(
            "EventQueries.waiting",
            EventQueries.waiting(
                lane: 1, [EventQueries.Sought(mark: 0, tenant: one.id, reading: "r", key: "k", after: nil)], limit: 10)),
        engine(
            "EventQueries.kept",
            EventQueries.kept(
                lane: 1, marks: [0], tenants: [one.id], runs: [one.run], after: [0], now: now, limit: 10)),
        engine("EventQueries.insert", EventQueries.insert([one.eventRow])),
        engine("EventQueries.update", EventQueries.update(lane: 1, [one.eventRow])),
        engine(
            "EventQueries.insertKeys",
            EventQueries.insertKeys(lane: 1, tenants: [one.id], readings: ["r"], keys: ["other"], events: [one.event])),
        engine("EventQueries.forget", EventQueries.forget(lane: 1, tenants: [one.id], ids: [one.event])),
        engine("EventQueries.insertReadings", EventQueries.insertReadings(lane: 1, [one.eventReading])),
        engine(
            "EventQueries.unsubscribe",
            EventQueries.unsubscribe(lane: 1, tenants: [one.id], runs: [one.run], steps: ["listen"], places: [0])),
        engine("EventQueries.subscribe", EventQueries.subscribe(lane: 1, [one.subscription])),
        app(
            "EventQueries.page",
            EventQueries.page(tenant: one.id, onlyKept: true, type: "t", before: (now, one.event), now: now, limit: 10)),
        app("EventQueries.subscriptions", EventQueries.subscriptions(tenant: one.id, run: one.run)),
    ]

    private static let payments: [RegisteredStatement] = [
        app("PaymentQueries.ask", PaymentQueries.ask(one.paymentRow)),
        app("PaymentQueries.find", PaymentQueries.find(tenant: one.id, invoice: one.invoice)),
        engine(
            "PaymentQueries.settle",
            PaymentQueries.settle(
                lane: 1, tenants: [one.id], invoices: [one.invoice], runs: [one.run], records: [nil], at: now)),
        app(
            "PaymentQueries.payables",
            PaymentQueries.payables(tenant: one.id, isOpenOnly: true, dueBy: CivilDate("2026-08-31"), limit: 10)),
        app("ConnectionStatusQueries.put", ConnectionStatusQueries.put(one.connectionStatus)),
        app("ConnectionStatusQueries.lock", ConnectionStatusQueries.lock(tenant: one.id)),
        app("ConnectionStatusQueries.all", ConnectionStatusQueries.all(tenant: one.id)),
        app("ConnectionStatusQueries.spent", ConnectionStatusQueries.spent(tenant: one.id, connection: "erp")),
    ]

    private static let runs: [RegisteredStatement] = [
        engine("RunQueries.load", RunQueries.load(lane: 1, tenants: [one.id], ids: [one.run])),
        app("RunQueries.summaries", RunQueries.summaries(tenant: one.id, ids: [one.run])),
        app("RunQueries.find", RunQueries.find(tenant: one.id, id: one.run)),
        app("RunQueries.rows", RunQueries.rows(tenant: one.id, ids: [one.run])),
        app("RunQueries.openByVersion", RunQueries.openByVersion(tenant: one.id)),
        engine("RunQueries.repin", RunQueries.repin(lane: 1, [one.runRow])),
        engine("RunQueries.insert", RunQueries.insert([one.runRow])),
        engine("RunQueries.update", RunQueries.update(lane: 1, [one.runRow])),
        engine("RunQueries.touch", RunQueries.touch(lane: 1, [one.runRow])),
        engine("RunQueries.writer", RunQueries.writer()),
        engine("RunQueries.unchanged", RunQueries.unchanged(lane: 1, tenants: [one.id], ids: [one.run], writers: ["1"])),
        engine("RunQueries.insertHistory", RunQueries.insertHistory(lane: 1, [one.historyRow])),
        app("RunQueries.history", RunQueries.history(tenant: one.id, run: one.run, after: 0, limit: 5)),
        app("RunQueries.history", RunQueries.history(tenant: one.id, run: one.run, type: "run.started", limit: 5)),
        app("RunQueries.page", RunQueries.page(tenant: one.id, phases: [], search: nil, before: nil, limit: 5)),
        app(
            "RunQueries.page",
            RunQueries.page(tenant: one.id, phases: ["waiting"], search: "elbe", before: (now, one.run), limit: 5)),
        app("RunQueries.openByPin", RunQueries.openByPin(tenant: one.id)),
        app("RunQueries.countByPhase", RunQueries.countByPhase(tenant: one.id)),
        app("CommandQueries.insert", CommandQueries.insert(one.commandRow)),
        app("CommandQueries.insert", CommandQueries.insert([one.commandRow])),
        engine("CommandQueries.insert", CommandQueries.insert([one.commandRow])),
        engine("CommandQueries.keep", CommandQueries.keep([one.commandRow])),
        engine("CommandQueries.requeue", CommandQueries.requeue(lane: 1, tenants: [one.id], ids: [one.command])),
        engine("CommandQueries.pending", CommandQueries.pending(lane: 1, limit: 5)),
        engine("CommandQueries.beginning", CommandQueries.beginning(lane: 1, limit: 5, readyMax: 2)),
        engine("CommandQueries.dequeue", CommandQueries.dequeue(lane: 1, queueIDs: [1])),
        engine(
            "CommandQueries.answer",
            CommandQueries.answer(lane: 1, tenants: [one.id], ids: [one.command], answers: [[:]], at: now)),
        app("CommandQueries.known", CommandQueries.known(tenant: one.id, idempotencyKeys: ["c1", "c2"])),
        app("CommandQueries.find", CommandQueries.find(tenant: one.id, idempotencyKey: "c1")),
    ]

    private static let work: [RegisteredStatement] = [
        engine("TaskQueries.load", TaskQueries.load(lane: 1, tenants: [one.id], ids: [one.task])),
        engine("TaskQueries.loadOpen", TaskQueries.loadOpen(lane: 1, tenants: [one.id], runs: [one.run])),
        engine("TaskQueries.insert", TaskQueries.insert([one.taskRow])),
        engine("TaskQueries.update", TaskQueries.update(lane: 1, [one.taskRow])),
        engine("TaskQueries.replaceRequest", TaskQueries.replaceRequest(lane: 1, one.taskRow)),
        app("TaskQueries.find", TaskQueries.find(tenant: one.id, id: one.task)),
        app("TaskQueries.ofRun", TaskQueries.ofRun(tenant: one.id, run: one.run, limit: 5)),
        app(
            "TaskQueries.ofPeople",
            TaskQueries.ofPeople(tenant: one.id, kinds: ["approval"], openOnly: false, after: nil, limit: 5)),
        app(
            "TaskQueries.ofPeople",
            TaskQueries.ofPeople(tenant: one.id, kinds: ["approval"], openOnly: true, after: (now, one.task), limit: 5)),
        app("TaskQueries.dead", TaskQueries.dead(tenant: one.id, TaskQueries.DeadFilter(), before: nil, limit: 5)),
        app(
            "TaskQueries.dead",
            TaskQueries.dead(
                tenant: one.id,
                TaskQueries.DeadFilter(kind: "erp.write", connection: "erp", code: "X", run: one.run, ids: [one.task]),
                before: (now, one.task), limit: 5)),
        app("TaskQueries.deadCounts", TaskQueries.deadCounts(tenant: one.id)),
        app("TaskQueries.attempts", TaskQueries.attempts(tenant: one.id, run: one.run, task: one.task, limit: 5)),
        app("TaskQueries.claim", TaskQueries.claim(tenant: one.id, id: one.task, by: one.person, now: now, staleBefore: now)),
        app("TaskQueries.releaseClaims", TaskQueries.releaseClaims(tenant: one.id, of: [one.person])),
        app("TaskQueries.openByConnection", TaskQueries.openByConnection(tenant: one.id)),
        app("TaskQueries.releaseClaim", TaskQueries.releaseClaim(tenant: one.id, id: one.task, by: one.person)),
        engine(
            "ReadyQueries.insert", ReadyQueries.insert(lane: 1, tenants: [one.id], tasks: [one.task], priorities: [1], at: now)),
        engine(
            "ReadyQueries.take",
            ReadyQueries.take(
                lane: 1, tenant: one.id, worker: "x", kinds: ["erp.read"], connections: ["erp"], now: now, limit: 5)),
        engine("ReadyQueries.tenants", ReadyQueries.tenants()),
        engine("ReadyQueries.waiting", ReadyQueries.waiting(lane: 1)),
        engine("LeaseQueries.insert", LeaseQueries.insert([one.leaseRow])),
        engine("LeaseQueries.load", LeaseQueries.load(lane: 1, tenants: [one.id], tasks: [one.task])),
        engine("LeaseQueries.delete", LeaseQueries.delete(lane: 1, tenants: [one.id], tasks: [one.task])),
        app("LeaseQueries.find", LeaseQueries.find(tenant: one.id, tasks: [one.task])),
        app("LeaseQueries.find", LeaseQueries.find(tenant: one.id, task: one.task)),
        app("LeaseQueries.ofTenant", LeaseQueries.ofTenant(one.id)),
        engine("LeaseQueries.running", LeaseQueries.running(lane: 1, tenant: one.id)),
        engine("LeaseQueries.extend", LeaseQueries.extend(lane: 1, tenant: one.id, worker: "w", tokenHashes: [[2]], until: now)),
        engine(
            "ConnectionWriterQueries.heldByOthers",
            ConnectionWriterQueries.heldByOthers(lane: 1, tenant: one.id, worker: "x", now: now)),
        engine(
            "ConnectionWriterQueries.extend",
            ConnectionWriterQueries.extend(lane: 1, tenant: one.id, worker: "w", tokenHashes: [[2]], until: now)),
        engine(
            "ConnectionWriterQueries.release",
            ConnectionWriterQueries.release(lane: 1, tenant: one.id, worker: "w", now: now)),
        engine("LeaseQueries.ofWorkers", LeaseQueries.ofWorkers(lane: 1, tenants: [one.id], workers: ["w"])),
        engine(
            "ConnectionWriterQueries.take",
            ConnectionWriterQueries.take(lane: 1, tenant: one.id, connection: "erp", worker: "w", now: now, until: now)),
    ]

    private static let measures: [RegisteredStatement] = [
        engine("ClockQueries.load", ClockQueries.load(lane: 1, tenants: [one.id], runs: [one.run])),
        engine("ClockQueries.subjects", ClockQueries.subjects(lane: 1, tenants: [one.id], clocks: [one.clock])),
        engine("ClockQueries.insert", ClockQueries.insert([one.clockRow])),
        engine("ClockQueries.update", ClockQueries.update(lane: 1, [one.clockRow])),
        app("ClockQueries.ofRuns", ClockQueries.ofRuns(tenant: one.id, runs: [one.run])),
        app("ClockQueries.ofRun", ClockQueries.ofRun(tenant: one.id, run: one.run)),
        engine(
            "ClockQueries.loadOthers",
            ClockQueries.loadOthers(lane: 1, tenants: [one.id], incidents: [one.incident], onboardings: [])),
        app("ClockQueries.ofIncident", ClockQueries.ofIncident(tenant: one.id, incident: one.incident)),
        app("ClockQueries.find", ClockQueries.find(tenant: one.id, id: one.clock)),
        app("ClockQueries.page", ClockQueries.page(tenant: one.id, outcome: nil, before: nil, limit: 5)),
        app("ClockQueries.page", ClockQueries.page(tenant: one.id, outcome: "met", before: (now, one.clock), limit: 5)),
        app("ClockQueries.attainment", ClockQueries.attainment(tenant: one.id, since: now)),
    ]

    private static var wideFilter: OperationQueries.RunFilter {
        var filter = OperationQueries.RunFilter()
        filter.phases = ["waiting"]
        filter.workflow = "ap"
        filter.version = "1"
        filter.search = "R-1"
        filter.ids = [one.run]
        return filter
    }

    private static let operations: [RegisteredStatement] =
        [
            app("OperationQueries.runs", OperationQueries.runs(tenant: one.id, OperationQueries.RunFilter(), limit: 5)),
            app("OperationQueries.runs", OperationQueries.runs(tenant: one.id, wideFilter, limit: 5)),
            app("OperationQueries.insert", OperationQueries.insert(one.operationRow)),
            app(
                "OperationQueries.insert",
                OperationQueries.insert(tenant: one.id, operation: one.operation, [one.operationItem])),
            app("OperationQueries.find", OperationQueries.find(tenant: one.id, id: one.operation)),
            app(
                "OperationQueries.page",
                OperationQueries.page(tenant: one.id, kinds: ["pause"], before: (now, one.operation), limit: 5)),
            app("OperationQueries.page", OperationQueries.page(tenant: one.id, kinds: ["pause"], before: nil, limit: 5)),
            app(
                "OperationQueries.settle",
                OperationQueries.settle(
                    tenant: one.id, id: one.operation, as: "confirmed", hash: "h", by: one.person, at: now)),
            app("OperationQueries.progress", OperationQueries.progress(tenant: one.id, operations: [one.operation])),
        ]
        + [nil, "waiting", "done", "refused", "left"].map { state in
            app(
                "OperationQueries.items",
                OperationQueries.items(tenant: one.id, operation: one.operation, state: state, after: -1, limit: 5))
        }

    private static let incidents: [RegisteredStatement] = [
        engine("IncidentQueries.latest", IncidentQueries.latest(lane: 1, tenant: one.id, fingerprints: ["f"])),
        engine("IncidentQueries.highestNumber", IncidentQueries.highestNumber(lane: 1, tenant: one.id)),
        engine(
            "IncidentQueries.exceptionsSince", IncidentQueries.exceptionsSince(lane: 1, tenant: one.id, code: "C", since: now)),
        engine("IncidentQueries.insert", IncidentQueries.insert(one.incidentRow)),
        app("IncidentQueries.update", IncidentQueries.update(one.incidentRow)),
        engine("IncidentQueries.update", IncidentQueries.update(one.incidentRow)),
        engine("IncidentQueries.lock", IncidentQueries.lock(lane: 1, tenants: [one.id], ids: [one.incident])),
        app("IncidentQueries.lock", IncidentQueries.lock(tenant: one.id, id: one.incident)),
        app("IncidentQueries.find", IncidentQueries.find(tenant: one.id, id: one.incident)),
        app("IncidentQueries.page", IncidentQueries.page(tenant: one.id, openOnly: false, before: nil, limit: 5)),
        app("IncidentQueries.page", IncidentQueries.page(tenant: one.id, openOnly: true, before: (now, one.incident), limit: 5)),
        app("IncidentQueries.instants", IncidentQueries.instants(tenant: one.id, since: now, limit: 5)),
        app(
            "IncidentQueries.append",
            IncidentQueries.append(
                lane: 1, tenant: one.id, incident: one.incident, at: now, kind: "note", person: one.person, text: "t")),
        engine(
            "IncidentQueries.append",
            IncidentQueries.append(lane: 1, tenant: one.id, incident: one.incident, at: now, kind: "note", person: nil, text: "t")
        ),
        app("IncidentQueries.entries", IncidentQueries.entries(tenant: one.id, incident: one.incident, limit: 5)),
    ]

    private static let pages: [RegisteredStatement] = [
        app("PageQueries.insert", PageQueries.insert(one.pageRow)),
        engine("PageQueries.insert", PageQueries.insert(one.pageRow)),
        app("PageQueries.enqueue", PageQueries.enqueue(one.pageRow)),
        engine("PageQueries.enqueue", PageQueries.enqueue(one.pageRow)),
        engine("PageQueries.claim", PageQueries.claim(now: now, until: now, perTenant: 2, limit: 5)),
        engine("PageQueries.nextDue", PageQueries.nextDue()),
        engine("PageQueries.lock", PageQueries.lock(lane: 1, tenant: one.id, id: one.page)),
        engine("PageQueries.find", PageQueries.find(lane: 1, tenant: one.id, id: one.page)),
        engine("PageQueries.settle", PageQueries.settle(one.pageRow)),
        engine("PageQueries.insertAttempt", PageQueries.insertAttempt(lane: 1, one.pageAttemptRow)),
        engine("PageQueries.postpone", PageQueries.postpone(lane: 1, page: one.page, until: now)),
        engine("PageQueries.dequeue", PageQueries.dequeue(lane: 1, page: one.page)),
        app("PageQueries.ofIncident", PageQueries.ofIncident(tenant: one.id, incident: one.incident, limit: 5)),
        app("PageQueries.tests", PageQueries.tests(tenant: one.id, limit: 5)),
        app("PageQueries.attempts", PageQueries.attempts(tenant: one.id, pages: [one.page])),
        app("SwapQueries.insert", SwapQueries.insert(one.swapRow)),
        app("SwapQueries.lock", SwapQueries.lock(tenant: one.id, id: one.swap)),
        app("SwapQueries.answer", SwapQueries.answer(tenant: one.id, id: one.swap, state: "agreed", at: now)),
        app("SwapQueries.upcoming", SwapQueries.upcoming(tenant: one.id, after: now, limit: 5)),
    ]

    /// A search that narrows by everything.
    private static var widest: AuditQueries.Search {
        var search = AuditQueries.Search(action: "a", object: "o", actors: ["x"], from: now, to: now)
        (search.actions, search.objectType, search.run, search.behalf) = (["a"], "t", one.run, [one.person])
        return search
    }

    private static let journals: [RegisteredStatement] = [
        app("AuditQueries.insert", AuditQueries.insert([one.auditRow])),
        engine("AuditQueries.insert", AuditQueries.insert([one.auditRow])),
        app("AuditQueries.page", AuditQueries.page(tenant: one.id, AuditQueries.Search(), before: nil, limit: 5)),
        app(
            "AuditQueries.page",
            AuditQueries.page(
                tenant: one.id, AuditQueries.Search(action: "a", object: "o", actors: ["x"], from: now, to: now),
                before: (now, one.entry), limit: 5)),
        app("AuditQueries.page", AuditQueries.page(tenant: one.id, widest, before: (now, one.entry), limit: 5)),
        app("AuditQueries.one", AuditQueries.one(tenant: one.id, id: one.entry)),
        app("AuditQueries.actions", AuditQueries.actions(tenant: one.id, limit: 5)),
        app(
            "AuditQueries.beside",
            AuditQueries.beside(tenant: one.id, type: "t", object: "o", at: now, id: one.entry, isLater: true)),
        app(
            "AuditQueries.beside",
            AuditQueries.beside(tenant: one.id, type: "t", object: "o", at: now, id: one.entry, isLater: false)),
        app("AuditQueries.decisions", AuditQueries.decisions(tenant: one.id, policy: nil, before: nil, limit: 5)),
        app(
            "AuditQueries.decisions",
            AuditQueries.decisions(tenant: one.id, policy: "p", before: (now, one.entry), limit: 5)),
        app("AuditQueries.ofRun", AuditQueries.ofRun(tenant: one.id, run: one.run, limit: 5)),
        app("OutboxQueries.insert", OutboxQueries.insert([one.outboxRow])),
        engine("OutboxQueries.insert", OutboxQueries.insert([one.outboxRow])),
        app("OutboxQueries.after", OutboxQueries.after(tenant: one.id, 0, limit: 5)),
        app("OutboxQueries.latest", OutboxQueries.latest(tenant: one.id)),
    ]

    private static let seals: [RegisteredStatement] = [
        sealer("SealQueries.lead", SealQueries.lead(lane: 1)),
        sealer("SealQueries.ensureHeads", SealQueries.ensureHeads(lane: 1, cluster: "c", oldest: "3")),
        sealer("SealQueries.beginAnew", SealQueries.beginAnew(lane: 1, cluster: "c", oldest: "3")),
        sealer("SealQueries.heads", SealQueries.heads(lane: 1)),
        sealer("SealQueries.settled", SealQueries.settled(lane: 1, before: "3", perTenant: 5, limit: 5)),
        sealer("SealQueries.backlog", SealQueries.backlog(lane: 1, perTenant: 5, limit: 5)),
        sealer(
            "SealQueries.seal",
            SealQueries.seal(tenants: [one.id], seqs: [9], entries: [one.entry], leaves: [SampleTenant.hash], at: now)),
        sealer(
            "SealQueries.keepSubtrees",
            SealQueries.keepSubtrees(tenants: [one.id], heights: [8], indexes: [9], hashes: [SampleTenant.hash])),
        sealer("SealQueries.moveHeads", SealQueries.moveHeads([], at: now)),
        sealer("SealQueries.headsWithoutCheckpoint", SealQueries.headsWithoutCheckpoint(lane: 1, before: now, limit: 5)),
        sealer("SealQueries.keepCheckpoint", SealQueries.keepCheckpoint(one.checkpointRow)),
        sealer("SealQueries.unpublished", SealQueries.unpublished(lane: 1, limit: 5)),
        sealer("SealQueries.markPublished", SealQueries.markPublished(tenant: one.id, size: 1, at: now)),
        sealer("SealQueries.watch", SealQueries.watch(tenant: one.id, from: 0)),
        app("ProofQueries.head", ProofQueries.head(tenant: one.id)),
        app("ProofQueries.seal", ProofQueries.seal(tenant: one.id, of: one.entry)),
        app("ProofQueries.seals", ProofQueries.seals(tenant: one.id, from: 0, limit: 5)),
        sealer("ProofQueries.seals", ProofQueries.seals(tenant: one.id, from: 0, limit: 5)),
        app("ProofQueries.leaves", ProofQueries.leaves(tenant: one.id, from: 0, to: 5)),
        sealer("ProofQueries.leaves", ProofQueries.leaves(tenant: one.id, from: 0, to: 5)),
        app("ProofQueries.subtrees", ProofQueries.subtrees(tenant: one.id, height: 8, from: 0, to: 5)),
        sealer("ProofQueries.subtrees", ProofQueries.subtrees(tenant: one.id, height: 8, from: 0, to: 5)),
        app("ProofQueries.places", ProofQueries.places(tenant: one.id, entries: [one.entry])),
        app("ProofQueries.checkpoints", ProofQueries.checkpoints(tenant: one.id, below: 5, limit: 5)),
        app("ProofQueries.checkpoint", ProofQueries.checkpoint(tenant: one.id, from: 1)),
    ]

    private static let month = HistoryMonth(of: WallClock.system.now)
    private static let terms = [KeepingTerm(tenant: one.id, months: 12)]

    private static let keeping: [RegisteredStatement] = [
        keeper("KeepingQueries.lead", KeepingQueries.lead()),
        schema("KeepingQueries.become", KeepingQueries.become()),
        keeper("KeepingQueries.own", KeepingQueries.own()),
        schema("KeepingQueries.hurry", KeepingQueries.hurry(milliseconds: 200)),
        keeper("KeepingQueries.months", KeepingQueries.months()),
        keeper("KeepingQueries.unplaced", KeepingQueries.unplaced(limit: 5)),
        schema("KeepingQueries.make", KeepingQueries.make(month.adding(months: 9))),
        schema("KeepingQueries.drop", KeepingQueries.drop(month)),
        keeper("KeepingQueries.obstacles", KeepingQueries.obstacles(month, terms, now: now)),
        keeper("KeepingQueries.unsealed", KeepingQueries.unsealed(month, tenants: [one.id])),
        keeper("KeepingQueries.contents", KeepingQueries.contents(month)),
        keeper("KeepingQueries.due", KeepingQueries.due(tenant: one.id, months: 12, now: now, limit: 5)),
        keeper("KeepingQueries.removeLines", KeepingQueries.removeLines(tenant: one.id, runs: [one.run])),
        keeper("KeepingQueries.mark", KeepingQueries.mark(tenant: one.id, finishedAt: now, run: one.run)),
        keeper("KeepingQueries.trimFeed", KeepingQueries.trimFeed(tenant: one.id, before: now, limit: 5)),
        keeper("KeepingQueries.forgetSessions", KeepingQueries.forgetSessions(tenant: one.id, before: now, limit: 5)),
        keeper("KeepingQueries.forgetLinks", KeepingQueries.forgetLinks(tenant: one.id, before: now, limit: 5)),
        keeper("KeepingQueries.forgetComparisons", KeepingQueries.forgetComparisons(tenant: one.id, before: now, limit: 5)),
        keeper("KeepingQueries.forgetOperations", KeepingQueries.forgetOperations(tenant: one.id, before: now, limit: 5)),
        keeper("KeepingQueries.forgetActs", KeepingQueries.forgetActs(tenant: one.id, before: now, limit: 5)),
        keeper("KeepingQueries.forgetAnswers", KeepingQueries.forgetAnswers(tenant: one.id, before: now, limit: 5)),
    ]

    private static let holds: [RegisteredStatement] = [
        app("HoldQueries.wait", HoldQueries.wait()),
        app("HoldQueries.place", HoldQueries.place(one.holdRow)),
        app(
            "HoldQueries.release",
            HoldQueries.release(tenant: one.id, id: one.hold, by: one.person, at: now, reason: "It is over.")),
        app("HoldQueries.lookAgain", HoldQueries.lookAgain(tenant: one.id, run: one.run)),
        app("HoldQueries.find", HoldQueries.find(tenant: one.id, id: one.hold)),
        app("HoldQueries.page", HoldQueries.page(tenant: one.id, openOnly: false, before: nil, limit: 5)),
        app("HoldQueries.page", HoldQueries.page(tenant: one.id, openOnly: true, before: (now, one.hold), limit: 5)),
        app("HoldQueries.over", HoldQueries.over(tenant: one.id, run: one.run)),
    ]

    private static let overviews: [RegisteredStatement] = [
        app("OverviewQueries.refresh", OverviewQueries.refresh(tenant: one.id, dayStart: now, now: now)),
        report("OverviewQueries.all", OverviewQueries.all()),
        app("OverviewQueries.one", OverviewQueries.one(tenant: one.id)),
        app(
            "OverviewQueries.putWorker",
            OverviewQueries.putWorker(
                tenant: one.id, state: "s", pid: nil, level: nil, residentBytes: nil, restarts: 0, startedAt: nil, seenAt: now,
                detail: "")),
        app("OverviewQueries.askRestart", OverviewQueries.askRestart(tenant: one.id, at: now)),
        app("OverviewQueries.forgetWorker", OverviewQueries.forgetWorker(tenant: one.id)),
        report("OverviewQueries.workers", OverviewQueries.workers()),
        app("OverviewQueries.worker", OverviewQueries.worker(tenant: one.id)),
        app(
            "IdempotencyQueries.begin",
            IdempotencyQueries.begin(tenant: one.id, principal: one.person, route: "r", key: "k", fingerprint: [1], now: now)),
        app("IdempotencyQueries.find", IdempotencyQueries.find(tenant: one.id, principal: one.person, route: "r", key: "k")),
        app(
            "IdempotencyQueries.finish",
            IdempotencyQueries.finish(tenant: one.id, principal: one.person, route: "r", key: "k", status: 200, answer: [:])),
        app("IdempotencyQueries.forget", IdempotencyQueries.forget(tenant: one.id, principal: one.person, route: "r", key: "k")),
    ]

    private static let lanes: [RegisteredStatement] = [
        engine("LaneQueries.count", LaneQueries.count()),
        engine("LaneQueries.ensure", LaneQueries.ensure(count: 8)),
        engine("LaneQueries.claim", LaneQueries.claim(owner: "a", limit: 8, now: now, until: now)),
        engine("LaneQueries.renew", LaneQueries.renew(owner: "a", now: now, until: now)),
        engine("LaneQueries.release", LaneQueries.release(owner: "a")),
        engine("LaneQueries.giveUp", LaneQueries.giveUp(owner: "a", lanes: [1])),
        engine("LaneQueries.announce", LaneQueries.announce(owner: "a", until: now)),
        engine("LaneQueries.forgetReplicas", LaneQueries.forgetReplicas(now: now)),
        engine("LaneQueries.leave", LaneQueries.leave(owner: "a")),
        engine("LaneQueries.replicas", LaneQueries.replicas(now: now)),
        engine("LaneQueries.fence", LaneQueries.fence(lane: 1, owner: "a", epoch: 1)),
        engine("LaneQueries.pending", LaneQueries.pending()),
        engine("TimerQueries.takeDue", TimerQueries.takeDue(lane: 1, now: now, limit: 5)),
        engine("TimerQueries.next", TimerQueries.next(lane: 1)),
        engine("TimerQueries.insert", TimerQueries.insert(lane: 1, [one.timer])),
        engine("TimerQueries.parked", TimerQueries.parked(lane: 1, subjects: [one.timer.subjectID])),
        engine("TimerQueries.cancel", TimerQueries.cancel(lane: 1, subjects: [one.timer.subjectID], keys: ["t"])),
    ]
}
