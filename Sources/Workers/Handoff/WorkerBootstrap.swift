import Finance
package import Kernel

/// What the supervisor tells a new worker, as one line of JSON on its standard input.
///
/// Not by arguments or environment, which other processes can read.
package struct WorkerBootstrap: Sendable, Equatable, JSONCoded {
    /// Bytes of the line; a longer one is not from our supervisor.
    package static let bytesMax = 16_384
    /// The pipe that the server holds open; its end means that the server is gone.
    package static let lifelineDescriptor: Int32 = 3

    package let socket: String
    /// Bound to the tenant; presented with every request.
    package let session: String
    package let tenant: TenantID
    package let slug: String
    /// Absolute path of `countersign-reader`.
    package let reader: String
    /// Tasks at one time.
    package let capacity: Int
    /// The operator's own worker: exports telemetry, serves no tenant.
    package let platform: Bool
    /// Isolation that this tenant demands; the server leases nothing to a worker that achieved less.
    package let requiredLevel: String
    /// Isolation that the launcher achieved.
    package let level: String

    package init(
        socket: String, session: String, tenant: TenantID, slug: String, reader: String, capacity: Int, platform: Bool,
        requiredLevel: String, level: String
    ) {
        self.socket = socket
        self.session = session
        self.tenant = tenant
        self.slug = slug
        self.reader = reader
        self.capacity = capacity
        self.platform = platform
        self.requiredLevel = requiredLevel
        self.level = level
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            socket: try fields.required("socket"), session: try fields.required("session"), tenant: try fields.required("tenant"),
            slug: try fields.required("slug"), reader: try fields.required("reader"),
            capacity: try fields.count("capacity", in: 1...HandoffTerms.capacityMax), platform: try fields.required("platform"),
            requiredLevel: try fields.required("requiredLevel"), level: try fields.required("level"))
        try fields.finish()
    }

    package var json: JSONValue {
        [
            "socket": .string(socket), "session": .string(session), "tenant": JSONValue(tenant), "slug": .string(slug),
            "reader": .string(reader), "capacity": JSONValue(capacity), "platform": .bool(platform),
            "requiredLevel": .string(requiredLevel), "level": .string(level),
        ]
    }
}
