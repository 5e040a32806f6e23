import Finance
package import Kernel

/// How one connection of a worker is, told with every heartbeat: whether it calls the system at all, and what is left of the day.
package struct ConnectionNews: Sendable, Equatable, JSONCoded {
    /// Connections of one worker; a tenant has few.
    package static let countMax = 64

    package enum Circuit: String, Sendable, CaseIterable, JSONCoded { case closed, open, probing }

    package let name: String
    package let circuit: Circuit
    /// What opened the circuit: `auth` for a refused sign-in, else the last failure's word; nil while it is closed.
    package let code: String?
    /// When it opened, and when the next trial call may go out.
    package let since: Moment?
    package let retryAt: Moment?
    /// Requests since midnight UTC that this worker made or was told of.
    package let spentToday: Int
    /// The connection's daily budget; 0 is none.
    package let perDay: Int
    /// The day by the clock of Greenwich that `spentToday` is about.
    package let day: CivilDate?

    package init(
        name: String, circuit: Circuit, code: String? = nil, since: Moment? = nil, retryAt: Moment? = nil, spentToday: Int = 0,
        perDay: Int = 0, day: CivilDate? = nil
    ) {
        self.name = name
        self.circuit = circuit
        self.code = code
        self.since = since
        self.retryAt = retryAt
        self.spentToday = spentToday
        self.perDay = perDay
        self.day = day
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            name: try fields.required("name"), circuit: try fields.required("circuit"), code: try fields.optional("code"),
            since: try fields.optionalMoment("since"), retryAt: try fields.optionalMoment("retryAt"),
            spentToday: try fields.count("spentToday", in: 0...Int(Int32.max)),
            perDay: try fields.count("perDay", in: 0...Int(Int32.max)), day: try fields.optional("day"))
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "name": .string(name), "circuit": circuit.json, "code": code?.json,
            "since": since.map { .string($0.text(fraction: 6)) }, "retryAt": retryAt.map { .string($0.text(fraction: 6)) },
            "spentToday": JSONValue(spentToday), "perDay": JSONValue(perDay), "day": day?.json,
        ])
    }
}
