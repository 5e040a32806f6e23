import Glibc
import Kernel

/// One JSON object per line on standard error: time, level, message, tenant, and what the caller knows. Never secrets, tokens,
/// document bytes or account numbers.
struct WorkerLog: Sendable {
    enum Level: String, Sendable { case info, warning, error }

    /// UTF-8 bytes of one value; what is longer is no fact but a body.
    static let valueBytesMax = 500

    private let tenant: String
    private let write: @Sendable ([UInt8]) -> Void

    /// `write` takes whole lines; the standard one writes to descriptor 2 in one call.
    init(tenant: String, write: @escaping @Sendable ([UInt8]) -> Void = WorkerLog.standardError) {
        self.tenant = tenant
        self.write = write
    }

    func callAsFunction(_ level: Level, _ message: String, _ facts: KeyValuePairs<String, String?> = [:]) {
        var line: JSONObject = [
            "time": .string(WallClock.system.now.text(fraction: 3)), "level": .string(level.rawValue),
            "program": "countersign-worker",
            "tenant": .string(tenant), "message": .string(message),
        ]
        for (name, value) in facts {
            if let value { line[name] = .string(WorkerLog.short(value)) }
        }
        write(JSONValue.object(line).bytes + [UInt8(ascii: "\n")])
    }

    private static func short(_ text: String) -> String {
        guard text.utf8.count > valueBytesMax else { return text }
        return String(decoding: text.utf8.prefix(valueBytesMax), as: UTF8.self)
    }

    @Sendable static func standardError(_ line: [UInt8]) {
        // A log that nobody reads any more must not stop the work.
        _ = Glibc.write(2, line, line.count)
    }
}
