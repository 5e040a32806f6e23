import Glibc
package import Kernel
package import Logging

/// A value that must not reach a log: bank details, tokens, document bodies. It prints `[redacted]` wherever it is printed,
/// so a log line stays clean by type and not by anyone's attention.
package struct Redacted<Value: Sendable>: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// For the one place that needs it.
    package let revealed: Value

    package init(_ value: Value) { revealed = value }

    package var description: String { "[redacted]" }
    package var debugDescription: String { "[redacted]" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Log lines as JSON, one object per line: `time`, `level`, `message`, `logger`, then the structured fields with the
/// document's way first (`tenant`, `run`, `task`, `attempt`, `hop`, `trace`) and the others by name.
package struct JSONLogHandler: LogHandler {
    /// A text longer than this is cut, with `…` at its end.
    package static let textBytesMax = 8192
    package static let fieldsMax = 40
    private static let depthMax = 4
    /// Fields that stand first, in this order.
    private static let leading = ["tenant", "run", "task", "attempt", "hop", "trace"]
    /// Ours; a field of that name is written with an underscore after it.
    private static let reserved: Set<String> = ["time", "level", "message", "logger", "error"]

    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    package var logLevel: Logger.Level

    private let label: String
    private let clock: WallClock
    private let sink: @Sendable ([UInt8]) -> Void

    package init(
        label: String, level: Logger.Level = .info, clock: WallClock = .system,
        sink: @escaping @Sendable ([UInt8]) -> Void = JSONLogHandler.standardError
    ) {
        self.label = label
        self.clock = clock
        self.sink = sink
        logLevel = level
    }

    /// A logger that writes this way without touching the process-wide logging system.
    package static func logger(
        _ label: String, level: Logger.Level = .info, clock: WallClock = .system,
        sink: @escaping @Sendable ([UInt8]) -> Void = JSONLogHandler.standardError
    ) -> Logger {
        Logger(label: label) { JSONLogHandler(label: $0, level: level, clock: clock, sink: sink) }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let given = event.metadata { fields.merge(given) { _, new in new } }
        var object = JSONObject([
            (key: "time", value: .string(clock.now.text(fraction: 3))), (key: "level", value: .string(event.level.rawValue)),
            (key: "message", value: .string(JSONLogHandler.cut(event.message.description))),
            (key: "logger", value: .string(label)),
        ])
        if let error = event.error { object["error"] = .array(JSONLogHandler.causes(of: error).map(JSONValue.string)) }
        let rest = fields.keys.filter { !JSONLogHandler.leading.contains($0) }.sorted()
        let order = JSONLogHandler.leading.filter { fields[$0] != nil } + rest
        for name in order.prefix(JSONLogHandler.fieldsMax) {
            guard let value = fields[name] else { continue }
            object[JSONLogHandler.reserved.contains(name) ? name + "_" : name] = JSONLogHandler.json(value, depth: 1)
        }
        if order.count > JSONLogHandler.fieldsMax { object["fieldsLeftOut"] = JSONValue(order.count - JSONLogHandler.fieldsMax) }
        sink(JSONValue.object(object).bytes + [0x0A])
    }

    /// Descriptor 2. One `write` per line under a lock: lines of several threads never mix.
    package static let standardError: @Sendable ([UInt8]) -> Void = { line in
        errorLock.withLock { _ in
            line.withUnsafeBytes { buffer in
                var sent = 0
                while sent < buffer.count {
                    let count = write(2, buffer.baseAddress! + sent, buffer.count - sent)
                    if count < 0 && errno == EINTR { continue }
                    // Nobody reads the log any more, and there is no other place to say so.
                    guard count > 0 else { return }
                    sent += count
                }
            }
        }
    }

    private static let errorLock = Locked(())

    private static func json(_ value: Logger.Metadata.Value, depth: Int) -> JSONValue {
        switch value {
        case .string(let text): return .string(cut(text))
        case .stringConvertible(let value):
            if let flag = value as? Bool { return .bool(flag) }
            if let number = value as? Int { return JSONValue(number) }
            if let number = value as? Int64 { return JSONValue(number) }
            return .string(cut(value.description))
        case .array(let items):
            guard depth < depthMax else { return "…" }
            return .array(items.prefix(fieldsMax).map { json($0, depth: depth + 1) })
        case .dictionary(let members):
            guard depth < depthMax else { return "…" }
            let ordered = members.sorted { $0.key < $1.key }.prefix(fieldsMax)
            return .object(JSONObject(ordered.map { (key: $0.key, value: json($0.value, depth: depth + 1)) }))
        }
    }

    /// An error's text describes its own layer only; the chain of causes is walked here.
    private static func causes(of error: any Error) -> [String] {
        var out: [String] = []
        var next: (any Error)? = error
        while let current = next, out.count < 8 {
            out.append(cut("\(current)"))
            next = (current as? Fault)?.cause
        }
        return out
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > textBytesMax else { return text }
        var kept = text.utf8.prefix(textBytesMax)
        while let last = kept.last, last & 0xC0 == 0x80 { kept.removeLast() }
        if let last = kept.last, last >= 0xC0 { kept.removeLast() }
        return String(decoding: kept, as: UTF8.self) + "…"
    }
}
