internal import Evidence
internal import Kernel
internal import Records
internal import Workflows

/// Bounds of events that are for whoever in a tenant waits for them.
enum EventBounds {
    /// Events of a tenant that may still be taken; past this, more from outside are refused, and those of runs reach only who
    /// waits already.
    static let keptMax: Int64 = 10_000
    /// How long a second delivery of an event is known; longer while it may still be taken.
    static let knownSeconds: Int64 = 604_800
    /// The same for an event that was not kept.
    static let knownUnkeptSeconds: Int64 = 3600
    /// Bytes of `source`, `id` and `type`, each.
    static let attributeBytesMax = 1024
    /// Runs that one command offers an event to; the next command goes on.
    static let offersMax = 16
    /// Kept events that one look goes through; the next goes on.
    static let looksMax = 50
    /// How many runs may follow each other of which each was begun by an event of the one before.
    static let hopsMax = 16
    /// Ways in which definitions read the events of one type.
    static let readingsMax = 2000
}

/// An event whose form has been checked.
struct CheckedEvent {
    let json: JSONValue
    let source: String
    let id: String
    let type: String
    let expiresAt: Moment?

    /// Refuses what is no event, with the member that is wrong.
    init(_ json: JSONValue) throws(Refusal) {
        do throws(NoteFlaw) {
            _ = try CloudEvent(json: json)
        } catch {
            throw Refusal(.invalid, reason: "event.form", "This is no event of CloudEvents 1.0. \(error)")
        }
        func text(_ name: String) throws(Refusal) -> String {
            guard let text = json[name]?.string, text.utf8.count <= EventBounds.attributeBytesMax else {
                throw Refusal(
                    .invalid, reason: "event.form",
                    "The event's `\(name)` has more than \(EventBounds.attributeBytesMax) bytes.", facts: ["field": name])
            }
            return text
        }
        source = try text("source")
        id = try text("id")
        type = try text("type")
        guard json.weight <= RunBounds.eventBytesMax else {
            throw Refusal(.tooLarge, reason: "event.size", "An event has at most \(RunBounds.eventBytesMax) bytes.")
        }
        guard CheckedEvent.isStorable(json) else {
            throw Refusal(
                .invalid, reason: "event.form", "The event holds the character U+0000, which no text here can hold.",
                facts: ["field": "data"])
        }
        if let written = json[Subscription.expiryAttribute] {
            guard let moment = written.string.flatMap({ Moment($0) }) else {
                throw Refusal(
                    .invalid, reason: "event.form", "`\(Subscription.expiryAttribute)` is no instant of RFC 3339.",
                    facts: ["field": Subscription.expiryAttribute])
            }
            expiresAt = moment
        } else {
            expiresAt = nil
        }
        self.json = json
    }

    /// The database has no text with U+0000. The parser bounds how deep this goes.
    private static func isStorable(_ json: JSONValue) -> Bool {
        func isText(_ text: String) -> Bool { !text.utf8.contains(0) }
        switch json {
        case .null, .bool, .number: return true
        case .string(let text): return isText(text)
        case .array(let items): return items.allSatisfy(isStorable)
        case .object(let members): return members.allSatisfy { isText($0.key) && isStorable($0.value) }
        }
    }
}

/// What a batch knows of events and of who waits for them, and what it will write.
struct EventBook {
    /// What an event is recognised by, byte for byte: texts that only look the same are two events.
    struct Mark: Hashable {
        let tenant: TenantID
        let source: String
        let id: String

        static func == (one: Mark, other: Mark) -> Bool {
            one.tenant == other.tenant && sameBytes(one.source, other.source) && sameBytes(one.id, other.id)
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(tenant)
            for byte in id.utf8 { hasher.combine(byte) }
        }
    }

    struct Place: Hashable {
        let tenant: TenantID
        let run: RunID
        let step: String
        let place: Int32
    }

    struct Kept {
        let event: EventID
        let takes: [Subscription.Takes]
    }

    struct Key {
        let tenant: TenantID
        let reading: String
        let key: String
        let event: EventID
    }

    /// Received before, or in this batch.
    var known: [Mark: EventID] = [:]
    var rows: [EventID: ReceivedEventRow] = [:]
    var keptCounts: [TenantID: Int64] = [:]
    /// The keys of an event that a command brings, by reading.
    var keys: [CommandID: [(reading: String, key: String)]] = [:]
    /// Who waits for the event that a command is about, longest first.
    var line: [CommandID: [SubscriptionRow]] = [:]
    /// What is kept for the run that a command is about.
    var looks: [CommandID: [Kept]] = [:]

    /// The workflows of a tenant that events begin.
    var beginnings: [TenantID: [(workflow: String, beginning: EventBeginning)]] = [:]

    var new: [EventID] = []
    var changed: Set<EventID> = []
    var forgotten: [(tenant: TenantID, event: EventID)] = []
    var newKeys: [Key] = []
    var newReadings: [String: EventReadingRow] = [:]
    /// What each place of a run waits for from now on; nil for nothing.
    var subscriptions: [Place: SubscriptionRow?] = [:]
    var looksOrdered: Set<RunID> = []

    mutating func clearWrites() {
        new = []
        changed = []
        forgotten = []
        newKeys = []
        newReadings = [:]
        subscriptions = [:]
        looksOrdered = []
    }
}
