import Finance
package import Kernel

/// Paths, headers and bounds of the handoff.
package enum HandoffTerms {
    /// Raised whenever a form on the wire changes; server and worker of different versions do not work together.
    package static let version = 3
    package static let helloPath = "/handoff/v1/hello"
    package static let leasePath = "/handoff/v1/lease"
    package static let reportPath = "/handoff/v1/report"
    package static let heartbeatPath = "/handoff/v1/heartbeat"
    package static let documentPath = "/handoff/v1/document"
    /// Names the lease whose document is asked for.
    package static let leaseTokenHeader = "lease-token"
    /// Longest a lease request may be held open.
    package static let leaseWaitMillisecondsMax = 20_000
    package static let capacityMax = 256
    /// Reports or answers in one message.
    package static let reportsMax = 256
    /// Bytes of a document, as `documents` accepts them.
    package static let documentBytesMax = 26_214_400
}

/// A worker introduces itself after its start.
package struct WorkerHello: Sendable, Equatable, JSONCoded {
    package let version: Int
    package let pid: Int
    /// Isolation achieved: `L0`, `L1`, `L2`; see the launcher.
    package let level: String
    package let kinds: [WorkKind]

    package init(version: Int = HandoffTerms.version, pid: Int, level: String, kinds: [WorkKind]) {
        self.version = version
        self.pid = pid
        self.level = level
        self.kinds = kinds
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            version: try fields.required("version"), pid: try fields.count("pid", in: 1...4_194_304),
            level: try fields.required("level"),
            kinds: try fields.list("kinds", max: WorkKind.allCases.count))
        try fields.finish()
    }

    package var json: JSONValue {
        ["version": JSONValue(version), "pid": JSONValue(pid), "level": .string(level), "kinds": kinds.json]
    }
}

package struct WorkerWelcome: Sendable, Equatable, JSONCoded {
    package let heartbeatSeconds: Int
    package let leaseWaitSeconds: Int

    package init(heartbeatSeconds: Int, leaseWaitSeconds: Int) {
        self.heartbeatSeconds = heartbeatSeconds
        self.leaseWaitSeconds = leaseWaitSeconds
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            heartbeatSeconds: try fields.count("heartbeatSeconds", in: 1...60),
            leaseWaitSeconds: try fields.count("leaseWaitSeconds", in: 1...HandoffTerms.leaseWaitMillisecondsMax / 1000))
        try fields.finish()
    }

    package var json: JSONValue {
        ["heartbeatSeconds": JSONValue(heartbeatSeconds), "leaseWaitSeconds": JSONValue(leaseWaitSeconds)]
    }
}

/// Asks for up to `capacity` leases of the kinds named. With capacity 0 only questions (`asks`) are waited for: a worker whose
/// hands are full still answers them.
package struct LeaseRequest: Sendable, Equatable, JSONCoded {
    package let capacity: Int
    package let kinds: [WorkKind]
    package let waitMilliseconds: Int

    package init(capacity: Int, kinds: [WorkKind], waitMilliseconds: Int) {
        self.capacity = capacity
        self.kinds = kinds
        self.waitMilliseconds = waitMilliseconds
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            capacity: try fields.count("capacity", in: 0...HandoffTerms.capacityMax),
            kinds: try fields.list("kinds", max: WorkKind.allCases.count),
            waitMilliseconds: try fields.count("waitMilliseconds", in: 0...HandoffTerms.leaseWaitMillisecondsMax))
        try fields.finish()
    }

    package var json: JSONValue {
        ["capacity": JSONValue(capacity), "kinds": kinds.json, "waitMilliseconds": JSONValue(waitMilliseconds)]
    }
}

/// Leases and questions for a worker. On the wire each connection is written once, however many leases go through it: it is by
/// far the largest part of a lease, and what is not written need not be read.
package struct LeaseAnswer: Sendable, JSONCoded {
    package let leases: [WorkLease]
    package let asks: [WorkAsk]
    /// Take nothing new, finish what is under way, and end.
    package let drain: Bool

    package init(leases: [WorkLease], asks: [WorkAsk], drain: Bool) {
        self.leases = leases
        self.asks = asks
        self.drain = drain
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        let shared: [SharedConnection] = try fields.list("connections", max: HandoffTerms.capacityMax)
        guard let entries = fields.raw("leases")?.array, entries.count <= HandoffTerms.capacityMax else {
            throw .handoff(
                "answer", at: pointer + "/leases", "An answer has a list of at most \(HandoffTerms.capacityMax) leases.")
        }
        var leases: [WorkLease] = []
        for (index, entry) in entries.enumerated() {
            leases.append(try WorkLease(json: entry, at: "\(pointer)/leases/\(index)", connections: shared))
        }
        self.init(
            leases: leases, asks: try fields.list("asks", max: HandoffTerms.capacityMax), drain: try fields.required("drain"))
        try fields.finish()
    }

    package var json: JSONValue {
        var shared: [SharedConnection] = []
        let leases = leases.map { lease -> JSONValue in
            let own = SharedConnection(configuration: lease.connection, secrets: lease.secrets)
            let place = shared.firstIndex { $0 == own } ?? shared.count
            if place == shared.count { shared.append(own) }
            return lease.json(connectionAt: place)
        }
        return ["connections": shared.json, "leases": .array(leases), "asks": asks.json, "drain": .bool(drain)]
    }
}

/// What the leases of one answer have in common that go through one connection.
struct SharedConnection: Sendable, Equatable, JSONCoded {
    /// Null for work without one.
    let configuration: JSONValue
    let secrets: [String: String]

    init(configuration: JSONValue, secrets: [String: String]) {
        self.configuration = configuration
        self.secrets = secrets
    }

    init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(configuration: fields.raw("configuration") ?? .null, secrets: try fields.table("secrets"))
        try fields.finish()
    }

    var json: JSONValue { ["configuration": configuration, "secrets": .table(secrets)] }

    /// Versions tell connections apart; whole configurations are compared only where one has none.
    static func == (lhs: SharedConnection, rhs: SharedConnection) -> Bool {
        guard lhs.secrets == rhs.secrets else { return false }
        guard let left = lhs.configuration["version"]?.string, let right = rhs.configuration["version"]?.string else {
            return lhs.configuration == rhs.configuration
        }
        return sameBytes(left, right) && lhs.configuration["name"] == rhs.configuration["name"]
    }
}

/// The answer to one `WorkAsk`.
package struct AskAnswer: Sendable, Equatable, JSONCoded {
    package enum Result: Sendable, Equatable {
        case output(JSONValue)
        case error(code: String, message: String)
    }

    package let id: String
    package let result: Result

    package init(id: String, result: Result) {
        self.id = id
        self.result = result
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        id = try fields.required("id")
        let output = fields.raw("output")
        if let error = fields.raw("error") {
            guard output == nil else { throw .handoff("answer", at: pointer, "An answer has either `output` or `error`.") }
            var inner = try JSONFields(error, at: pointer + "/error")
            result = .error(code: try inner.required("code"), message: try inner.required("message"))
            try inner.finish()
        } else {
            guard let output else { throw .handoff("answer", at: pointer, "An answer has either `output` or `error`.") }
            result = .output(output)
        }
        try fields.finish()
    }

    package var json: JSONValue {
        switch result {
        case .output(let output): ["id": .string(id), "output": output]
        case .error(let code, let message): ["id": .string(id), "error": ["code": .string(code), "message": .string(message)]]
        }
    }
}

package struct ReportRequest: Sendable, JSONCoded {
    package let reports: [WorkReport]
    package let answers: [AskAnswer]

    package init(reports: [WorkReport], answers: [AskAnswer]) {
        self.reports = reports
        self.answers = answers
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            reports: try fields.list("reports", max: HandoffTerms.reportsMax),
            answers: try fields.list("answers", max: HandoffTerms.reportsMax))
        try fields.finish()
    }

    package var json: JSONValue { ["reports": reports.json, "answers": answers.json] }
}

package struct ReportAnswer: Sendable, Equatable, JSONCoded {
    package struct Entry: Sendable, Equatable, JSONCoded {
        package let token: String
        package let verdict: ReportVerdict

        package init(token: String, verdict: ReportVerdict) {
            self.token = token
            self.verdict = verdict
        }

        package init(json: JSONValue, at pointer: String) throws(Refusal) {
            var fields = try JSONFields(json, at: pointer)
            self.init(token: try fields.required("token"), verdict: try fields.required("verdict"))
            try fields.finish()
        }

        package var json: JSONValue { ["token": .string(token), "verdict": verdict.json] }
    }

    package let verdicts: [Entry]

    package init(verdicts: [Entry]) {
        self.verdicts = verdicts
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(verdicts: try fields.list("verdicts", max: HandoffTerms.reportsMax))
        try fields.finish()
    }

    package var json: JSONValue { ["verdicts": verdicts.json] }
}

/// Says that the worker lives and which leases it still works on.
package struct Heartbeat: Sendable, Equatable, JSONCoded {
    package let leases: [String]
    package let residentBytes: Int64
    package let openTransfers: Int
    /// User and system time since the start.
    package let cpuMicroseconds: Int64
    /// The connections this worker has used, as it finds them.
    package let connections: [ConnectionNews]

    package init(
        leases: [String], residentBytes: Int64, openTransfers: Int, cpuMicroseconds: Int64, connections: [ConnectionNews] = []
    ) {
        self.connections = connections
        self.leases = leases
        self.residentBytes = residentBytes
        self.openTransfers = openTransfers
        self.cpuMicroseconds = cpuMicroseconds
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            leases: try fields.list("leases", max: HandoffTerms.capacityMax), residentBytes: try fields.required("residentBytes"),
            openTransfers: try fields.required("openTransfers"), cpuMicroseconds: try fields.required("cpuMicroseconds"),
            connections: try fields.list("connections", max: ConnectionNews.countMax))
        try fields.finish()
    }

    package var json: JSONValue {
        [
            "leases": leases.json, "residentBytes": JSONValue(residentBytes), "openTransfers": JSONValue(openTransfers),
            "cpuMicroseconds": JSONValue(cpuMicroseconds), "connections": connections.json,
        ]
    }
}

package struct HeartbeatAnswer: Sendable, Equatable, JSONCoded {
    package struct Extension: Sendable, Equatable, JSONCoded {
        package let token: String
        package let expiresAt: Moment

        package init(token: String, expiresAt: Moment) {
            self.token = token
            self.expiresAt = expiresAt
        }

        package init(json: JSONValue, at pointer: String) throws(Refusal) {
            var fields = try JSONFields(json, at: pointer)
            self.init(token: try fields.required("token"), expiresAt: try fields.moment("expiresAt"))
            try fields.finish()
        }

        package var json: JSONValue { ["token": .string(token), "expiresAt": .string(expiresAt.text(fraction: 6))] }
    }

    package let extended: [Extension]
    /// Leases that are no longer this worker's: their work is dropped without a report.
    package let lost: [String]
    package let drain: Bool

    package init(extended: [Extension], lost: [String], drain: Bool) {
        self.extended = extended
        self.lost = lost
        self.drain = drain
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            extended: try fields.list("extended", max: HandoffTerms.capacityMax),
            lost: try fields.list("lost", max: HandoffTerms.capacityMax),
            drain: try fields.required("drain"))
        try fields.finish()
    }

    package var json: JSONValue { ["extended": extended.json, "lost": lost.json, "drain": .bool(drain)] }
}
