package import Kernel
package import Postgres

extension Subject {
    package enum SLAReport {}
    package enum ReportDelivery {}
}

package typealias SLAReportID = ID<Subject.SLAReport>
package typealias ReportDeliveryID = ID<Subject.ReportDelivery>

/// One revision of a monthly report. Its document is read by itself, since it can be large.
package struct SLAReportRow: Sendable {
    package let tenant: TenantID
    package let id: SLAReportID
    package let lane: Int32
    package let number: Int64
    package let revision: Int32
    package let contractAsset: AssetID
    package let contract: String
    package let contractVersion: String
    package let month: String
    package let language: String
    package var phase: String
    package var authors: [PersonID]
    package let terms: JSONValue
    package var clocksSeen: Int64
    package var clocksTotal: Int64
    package var lastClock: ClockID?
    /// Of the runs that were judged without a clock.
    package var lastRun: RunID?
    package var calendars: [AssetID]
    package var tally: JSONValue
    package var incidents: JSONValue
    package var trend: JSONValue
    package var dataHash: [UInt8]
    package var dataLines: Int64
    package var dataChunks: Int32
    package var builtAt: Moment?
    package var texts: JSONValue
    package var standing: JSONValue
    package var document: String?
    package var documentHash: [UInt8]?
    package let reason: String?
    package var changes: JSONValue?
    package let draftedBy: PersonID?
    package let draftedAt: Moment
    package var submittedBy: PersonID?
    package var submittedAt: Moment?
    package var signedBy: PersonID?
    package var signedName: String?
    package var signedAt: Moment?
    package var sentBy: PersonID?
    package var sentAt: Moment?
    package var archivedAt: Moment?

    package init(
        tenant: TenantID, id: SLAReportID, lane: Int32, number: Int64, revision: Int32, contractAsset: AssetID,
        contract: String, contractVersion: String, month: String, language: String, authors: [PersonID], terms: JSONValue,
        tally: JSONValue, dataHash: [UInt8], texts: JSONValue, reason: String?, draftedBy: PersonID?, draftedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.number = number
        self.revision = revision
        self.contractAsset = contractAsset
        self.contract = contract
        self.contractVersion = contractVersion
        self.month = month
        self.language = language
        phase = "building"
        self.authors = authors
        self.terms = terms
        clocksSeen = 0
        clocksTotal = 0
        calendars = []
        self.tally = tally
        incidents = .array([])
        trend = .array([])
        self.dataHash = dataHash
        dataLines = 0
        dataChunks = 0
        self.texts = texts
        standing = [:]
        self.reason = reason
        self.draftedBy = draftedBy
        self.draftedAt = draftedAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: SLAReportID.self)
        lane = try row.get("queue_lane", as: Int32.self)
        number = try row.get("number", as: Int64.self)
        revision = try row.get("revision", as: Int32.self)
        contractAsset = try row.get("contract_asset", as: AssetID.self)
        contract = try row.get("contract", as: String.self)
        contractVersion = try row.get("contract_version", as: String.self)
        month = try row.get("month", as: String.self)
        language = try row.get("language", as: String.self)
        phase = try row.get("phase", as: String.self)
        authors = try row.get("authors", as: [PersonID].self)
        terms = try row.get("terms", as: JSONValue.self)
        clocksSeen = try row.get("clocks_seen", as: Int64.self)
        clocksTotal = try row.get("clocks_total", as: Int64.self)
        lastClock = try row.get("last_clock", as: ClockID?.self)
        lastRun = try row.get("last_run", as: RunID?.self)
        calendars = try row.get("calendars", as: [AssetID].self)
        tally = try row.get("tally", as: JSONValue.self)
        incidents = try row.get("incidents", as: JSONValue.self)
        trend = try row.get("trend", as: JSONValue.self)
        dataHash = try row.get("data_hash", as: [UInt8].self)
        dataLines = try row.get("data_lines", as: Int64.self)
        dataChunks = try row.get("data_chunks", as: Int32.self)
        builtAt = try row.get("built_at", as: Moment?.self)
        texts = try row.get("texts", as: JSONValue.self)
        standing = try row.get("standing", as: JSONValue.self)
        document = try row.get("document", as: String?.self)
        documentHash = try row.get("document_hash", as: [UInt8]?.self)
        reason = try row.get("reason", as: String?.self)
        changes = try row.get("changes", as: JSONValue?.self)
        draftedBy = try row.get("drafted_by", as: PersonID?.self)
        draftedAt = try row.get("drafted_at", as: Moment.self)
        submittedBy = try row.get("submitted_by", as: PersonID?.self)
        submittedAt = try row.get("submitted_at", as: Moment?.self)
        signedBy = try row.get("signed_by", as: PersonID?.self)
        signedName = try row.get("signed_name", as: String?.self)
        signedAt = try row.get("signed_at", as: Moment?.self)
        sentBy = try row.get("sent_by", as: PersonID?.self)
        sentAt = try row.get("sent_at", as: Moment?.self)
        archivedAt = try row.get("archived_at", as: Moment?.self)
    }
}

/// Where one tenant's report of a month stands; all that lists over tenants may see.
package struct ReportStanding: Sendable {
    package let tenant: TenantID
    package let id: SLAReportID
    package let number: Int64
    package let revision: Int32
    package let contract: String
    package let contractVersion: String
    package let month: String
    package let phase: String
    package let standing: JSONValue
    package let signedAt: Moment?
    package let sentAt: Moment?

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: SLAReportID.self)
        number = try row.get("number", as: Int64.self)
        revision = try row.get("revision", as: Int32.self)
        contract = try row.get("contract", as: String.self)
        contractVersion = try row.get("contract_version", as: String.self)
        month = try row.get("month", as: String.self)
        phase = try row.get("phase", as: String.self)
        standing = try row.get("standing", as: JSONValue.self)
        signedAt = try row.get("signed_at", as: Moment?.self)
        sentAt = try row.get("sent_at", as: Moment?.self)
    }
}

/// One report on its way to one address.
package struct ReportDeliveryRow: Sendable {
    package let tenant: TenantID
    package let id: ReportDeliveryID
    package let report: SLAReportID
    package let address: String
    package var state: String
    package var attemptsUsed: Int32
    package let decidedAt: Moment
    package var endedAt: Moment?

    package init(tenant: TenantID, id: ReportDeliveryID, report: SLAReportID, address: String, decidedAt: Moment) {
        self.tenant = tenant
        self.id = id
        self.report = report
        self.address = address
        state = "queued"
        attemptsUsed = 0
        self.decidedAt = decidedAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: ReportDeliveryID.self)
        report = try row.get("report_id", as: SLAReportID.self)
        address = try row.get("address", as: String.self)
        state = try row.get("state", as: String.self)
        attemptsUsed = try row.get("attempts_used", as: Int32.self)
        decidedAt = try row.get("decided_at", as: Moment.self)
        endedAt = try row.get("ended_at", as: Moment?.self)
    }
}

/// One try to deliver a report.
package struct ReportAttemptRow: Sendable {
    package let tenant: TenantID
    package let delivery: ReportDeliveryID
    package let attempt: Int32
    package let at: Moment
    package let outcome: String
    package let answer: String
    package let milliseconds: Int32

    package init(
        tenant: TenantID, delivery: ReportDeliveryID, attempt: Int32, at: Moment, outcome: String, answer: String,
        milliseconds: Int32
    ) {
        self.tenant = tenant
        self.delivery = delivery
        self.attempt = attempt
        self.at = at
        self.outcome = outcome
        self.answer = answer
        self.milliseconds = milliseconds
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        delivery = try row.get("delivery_id", as: ReportDeliveryID.self)
        attempt = try row.get("attempt", as: Int32.self)
        at = try row.get("at", as: Moment.self)
        outcome = try row.get("outcome", as: String.self)
        answer = try row.get("answer", as: String.self)
        milliseconds = try row.get("milliseconds", as: Int32.self)
    }
}
